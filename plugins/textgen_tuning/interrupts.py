"""Ctrl-C that takes effect later: the database of a study is not left half written."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from textgen.runtime.interrupts import interrupts_to


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
