"""Code that does not end is stopped, and other timers go on."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress

import pytest

from textgen.runtime.interrupts import TimeLimitError, time_limit

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
