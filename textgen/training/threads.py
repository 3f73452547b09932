"""Threads of torch that follow the pace of training on a machine with other work."""

from __future__ import annotations

import torch

from textgen.runtime.environment import CpuShare, threads_beside_others

BUSY = 0.8
"""Share of the CPU time that threads want, below which one thread is tried."""
TRIAL_SECONDS, AGAIN_SECONDS = 0.5, 10.0
"""Seconds of training in a trial, and from one trial to the next."""


class Threads:
    """How many threads train on the CPU: as many as torch may use, or one.

    The threads of an operation wait for the slowest of them. Beside other work that is one without a core:
    at a load of 15 on two cores, two threads trained at 182 characters a second, and one at 6,400. So a run
    begins with one where others want all cores, tries the other number when that may be faster, and keeps
    whichever is. It is for budgets in time, whose results depend on the pace anyway; under others the number
    of threads must not change, since sums are rounded in another order.
    """

    def __init__(self) -> None:
        self.most = torch.get_num_threads()
        self.num_single = 0
        """Updates that one of several threads has made."""
        self._rival: float | None = None
        """In a trial, the pace of the other number of threads, in tokens per second."""
        self._begin(TRIAL_SECONDS, 0.0, 0)
        torch.set_num_threads(threads_beside_others())

    def after_update(self, seconds: float, num_tokens: int) -> None:
        """Change the number of threads where the other one is, or may be, faster.

        `seconds` and `num_tokens` are those of training so far.
        """
        if self.most == 1:
            return
        is_single = torch.get_num_threads() == 1
        self.num_single += is_single
        spent = seconds - self._start[0]
        if spent < self._length:
            return
        pace, rival, length = (num_tokens - self._start[1]) / spent, self._rival, TRIAL_SECONDS
        self._rival, is_slower = None, rival is not None and pace < rival
        if rival is not None:
            length = AGAIN_SECONDS
        elif is_single != (self._share.value() < BUSY):  # one thread that gets its core may have others again
            self._rival = pace
        if is_slower or self._rival is not None:
            torch.set_num_threads(self.most if is_single else 1)
        self._begin(length, seconds, num_tokens)

    def restore(self) -> None:
        """Let torch have as many threads as before."""
        torch.set_num_threads(self.most)

    def _begin(self, length: float, seconds: float, num_tokens: int) -> None:
        self._length, self._start, self._share = length, (seconds, num_tokens), CpuShare()
