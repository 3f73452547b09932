"""A setting of GNU's OpenMP, whose threads compute torch's operations on a CPU."""

from __future__ import annotations

import os

SPIN_COUNT = 10_000
"""Turns of a loop in which a thread waits for another before it sleeps; by default it is 30 times as many."""


def limit_spinning() -> None:
    """Let waiting threads sleep sooner, so that training beside other work comes to a standstill less often.

    A thread that spins keeps the core that the thread it waits for needs. This number costs no speed on an
    idle machine (see docs/performance.md). OpenMP reads it when torch is loaded, so the command line sets it
    first, for itself and the processes that it starts, and a library call never does. The user's own setting
    wins.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
