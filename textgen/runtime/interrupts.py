"""Ctrl-C that takes effect elsewhere, and time limits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


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
