"""Share of the CPU time that this process wanted and got, which falls when other work uses the cores."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS = Path("/proc/self/task")
"""Folder in which Linux lists the threads of this process."""


class CpuShare:
    """CPU time over the time for which threads ran or wanted to run, from its creation on.

    Time that a thread sleeps, since it waits for another thread or has no work, is not counted: a small
    model that keeps one core of many busy gets all it wants. While OpenMP's threads spin, as they do by
    default, the share is that of CPU time to wall time x threads.
    """

    def __init__(self, used: float = 0.0, waited: float = 0.0) -> None:
        self._used, self._waited = used, waited
        self._start = _used_and_waited()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what happens in this context."""
        self._add()
        try:
            yield
        finally:
            self._start = _used_and_waited()

    def times(self) -> tuple[float, float]:
        """Return the seconds for which threads had a core, and for which they waited, to go on from."""
        self._add()
        return self._used, self._waited

    def value(self) -> float:
        """Return the share so far: 1 on an idle machine, 0.5 where every core has two threads to run."""
        self._add()
        return self._used / max(self._used + self._waited, 1e-9)

    def _add(self) -> None:
        now = _used_and_waited()
        self._used += now[0] - self._start[0]
        self._waited += max(0.0, now[1] - self._start[1])  # that of threads that ended is gone
        self._start = now


def _used_and_waited() -> tuple[float, float]:
    """Return the seconds for which threads had a core, and for which they waited for one, since they began.

    Linux tells both of all threads. Elsewhere they are those of the current thread: its CPU time, and all
    other time, since the thread that trains does not sleep.
    """
    waited = 0
    try:
        for thread in os.listdir(THREADS):
            waited += int((THREADS / thread / "schedstat").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        used = time.thread_time()
        return used, time.perf_counter() - used
    return time.process_time(), waited / 1e9
