"""What this process does about Ctrl-C, code that does not end and freed memory."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import suppress

import pytest

from textgen.runtime.interrupts import TimeLimitError, time_limit
from textgen_tuning.interrupts import interrupts_deferred


def test_an_interrupt_takes_effect_at_the_end() -> None:
    done = []

    def interrupted() -> None:
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["the rest"]


def test_it_does_nothing_where_interrupts_are_ignored_or_cannot_arrive() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    entered = []

    def work() -> None:
        with interrupts_deferred():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]


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
