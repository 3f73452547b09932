"""What this process does about code that does not end and freed memory."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from textgen.runtime.interrupts import TimeLimitError, time_limit
from textgen.runtime.process_setup import keep_freed_memory

# --- code that does not end is stopped, and other timers go on


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


def loop() -> None:
    while True:
        with suppress(Exception):
            time.sleep(0.001)


def test_an_endless_loop_is_stopped() -> None:
    before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with pytest.raises(TimeLimitError, match=r"it takes more than 0\.05 s"), time_limit(0.05):
        loop()
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == before


def test_what_ends_in_time_is_left_alone() -> None:
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_thread_has_no_limit() -> None:
    reached = []

    def work() -> None:
        with time_limit(60):
            reached.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reached == [0]


# --- the allocator setting works on any system


@pytest.mark.parametrize("library", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(library: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []

    def absent(name: Any) -> Any:
        asked_for.append(name)
        raise library(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    keep_freed_memory()
    assert asked_for == [None]  # the process's own library
