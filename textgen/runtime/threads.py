"""Number of torch's threads on a machine with other work: as many as are fastest now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

import torch

from textgen.runtime.environment import CpuShare, is_busy

BUSY = 0.8
"""Share of the CPU time that threads want, below which one thread is tried."""
TRIAL_SECONDS, AGAIN_SECONDS = 0.5, 10.0
"""Seconds of work in a trial, and from one trial to the next."""
Item = TypeVar("Item")


class Threads:
    """How many threads compute on the CPU: as many as torch may use, or one.

    The threads of an operation wait for the slowest of them. Beside other work that is one without a core:
    at a load of 15 on two cores, two threads trained at 182 characters a second, and one at 6,400. So work
    begins with one where others want all cores, tries the other number when that may be faster, and keeps
    whichever is. Sums are rounded in another order by it, so training does that under budgets in time only,
    whose results depend on the pace anyway.
    """

    def __init__(self) -> None:
        self.most = torch.get_num_threads()
        self.num_single = 0
        """Steps that one of several threads has made."""
        self._rival: float | None = None
        """In a trial, the pace of the other number of threads, in units per second."""
        self._begin(TRIAL_SECONDS, 0.0, 0)
        if self.most > 1 and is_busy():
            torch.set_num_threads(1)

    def after_step(self, seconds: float, num_units: int) -> None:
        """Change the number of threads where the other one is, or may be, faster.

        `seconds` and `num_units`, such as tokens, are those of the work so far.
        """
        if self.most == 1:
            return
        is_single = torch.get_num_threads() == 1
        self.num_single += is_single
        spent = seconds - self._start[0]
        if spent < self._length:
            return
        pace, rival, length = (num_units - self._start[1]) / spent, self._rival, TRIAL_SECONDS
        self._rival, is_slower = None, rival is not None and pace < rival
        if rival is not None:
            length = AGAIN_SECONDS
        elif is_single != (self._share.value() < BUSY) and not (is_single and is_busy()):
            self._rival = pace
        if is_slower or self._rival is not None:
            torch.set_num_threads(self.most if is_single else 1)
        self._begin(length, seconds, num_units)

    def close(self) -> None:
        """Let torch have as many threads as before."""
        if self.most > 1:  # otherwise another loop, which is not over, may have chosen one
            torch.set_num_threads(self.most)

    def _begin(self, length: float, seconds: float, num_units: int) -> None:
        self._length, self._start, self._share = length, (seconds, num_units), CpuShare()


def paced(items: Iterable[Item], size: Callable[[Item], int] = lambda item: 1) -> Iterator[Item]:
    """Yield items while torch has as many threads as make and use them fastest.

    `size` returns the units of work of an item.
    """
    began, num_units = time.perf_counter(), 0
    with closing(Threads()) as threads:
        for item in items:
            yield item
            num_units += size(item)
            threads.after_step(time.perf_counter() - began, num_units)
