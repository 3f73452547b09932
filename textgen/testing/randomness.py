"""The global random states of Python, numpy and torch: kept as they are, or watched."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from textgen.testing.expectations import require

LIBRARIES = ("random", "numpy", "torch")


@contextmanager
def kept() -> Iterator[None]:
    """Set the global random states back to what they were before."""
    python, numpy, torches = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torches)


@contextmanager
def untouched(what: str, libraries: tuple[str, ...] = LIBRARIES) -> Iterator[None]:
    """Raise `CheckError` if what is done here draws from a global random state, or sets one."""
    before = states()
    yield
    after = states()
    for library in libraries:
        require(
            before[library] == after[library],
            f"{what} draws from the global random state of {library} or sets it; use a generator of your own",
        )


def states() -> dict[str, Any]:
    """Return the global random state of each library, in a form that can be compared."""
    numpy = np.random.get_state(legacy=False)
    return {
        "random": random.getstate(),
        "numpy": {**numpy, "state": (numpy["state"]["key"].tobytes(), numpy["state"]["pos"])},
        "torch": bytes(torch.get_rng_state().numpy()),
    }
