"""State of the process that runs this code: deferred Ctrl-C, time limits, its allocator, forks."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

END_PROCESS = os._exit
"""`os._exit` as it was before any plugin was loaded."""


class TimeLimitError(BaseException):
    """The time is up; not an `Exception`, so `except Exception` in endless code cannot swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitError` when this context lasts longer than that.

    Only the main thread can be stopped this way, and not on Windows; elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        raise TimeLimitError(f"it takes more than {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def interrupts_to(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
    number: signal.Signals = signal.SIGINT,
) -> Iterator[Any]:
    """Let a handler get each Ctrl-C, or another signal, in this context, and yield the one before.

    Only the main thread gets any; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = signal.signal(number, handler)
    try:
        yield before
    finally:
        signal.signal(number, before)


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let a Ctrl-C in this context take effect at its end.

    An exception in the middle of a database's own cleaning up may be lost there, and the interrupt with it.
    """
    pending: list[int] = []
    with interrupts_to(lambda number, _: pending.append(number)) as before:
        yield
    if pending and callable(before):
        before(signal.SIGINT, None)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where its allocator is that of glibc.

    By default blocks above 32 MB return to the system, and the next update gets them back page by page;
    training on a CPU then takes up to 1.4 times as long. The setting holds for the whole process, so it is
    made by the command line and in worker processes, and never by a library call.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not Linux, or another C library
        return
    trim_threshold, mmap_threshold = -1, -3  # their numbers in malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(mmap_threshold, 2**30)


_workers: list[int] = []
"""The number of this process if it is a worker, one per process; a plugin's fork of it inherits the list."""


def mark_as_worker() -> None:
    """Let forks that plugins make of this process from now on end where `end_fork` is called."""
    _workers[:] = [os.getpid()]


def end_fork() -> None:
    """End this process if it is a fork of a worker, which may neither answer nor write."""
    if _workers and os.getpid() not in _workers:
        END_PROCESS(1)
