"""Copies that plugins fork of a process that computes jobs: they neither answer nor write."""

from __future__ import annotations

import os

END_PROCESS = os._exit
"""As it was before any plugin."""

_originals: list[int] = []


def end_copies_of_this() -> None:
    """Let copies that are forked of this process from now on end where `end_copy` is called."""
    _originals[:] = [os.getpid()]


def end_copy() -> None:
    """End this process if it is a copy of one that computes jobs."""
    if _originals and os.getpid() not in _originals:
        END_PROCESS(1)
