"""The set-up of a process: an allocator that keeps memory, and who gets Ctrl-C."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


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


@contextmanager
def interrupts_to(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> Iterator[Any]:
    """Let a handler get each Ctrl-C in this context, and yield the one before.

    Only the main thread gets any; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield before
    finally:
        signal.signal(signal.SIGINT, before)
