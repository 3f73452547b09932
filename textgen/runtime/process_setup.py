"""The set-up of a process: an allocator that keeps memory, forks that end, and who gets Ctrl-C."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

END_PROCESS = os._exit
"""`os._exit` as it was before any plugin was loaded."""


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


def flush_output() -> None:
    """Write what code in C has printed and not yet written, before this process may be ended."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).fflush(None)


def end_with_starter() -> None:
    """Let the kernel end this process, even if it is stopped, with the one that forked it (Linux)."""
    set_parent_death_signal = 1  # its number in prctl.h
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


_workers: list[int] = []
"""The number of this process if it is a worker, one per process; a plugin's fork of it inherits the list."""


def mark_as_worker() -> None:
    """Let forks that plugins make of this process from now on end where `end_fork` is called."""
    _workers[:] = [os.getpid()]


def end_fork() -> None:
    """End this process if it is a fork of a worker, which may neither answer nor write."""
    if _workers and os.getpid() not in _workers:
        END_PROCESS(1)


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
