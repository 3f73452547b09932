"""Checks that a model predicts alike however it gets a text, beside the score that it has token by token.

A model that predicts a window otherwise than token by token was trained and validated on other predictions
than those that count, and one that remembers what it was scored on is of another class than it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.evaluation.token_bits import TokenScores

NUM_SCORED_AGAIN = 1024
"""Tokens that are scored again at the beginning of a stretch."""
CHUNK = 61
"""Tokens at a time in these scores."""
MAX_CHANGE, MAX_CHANGE_ON_GPU = 1e-3, 0.05
"""Bits by which a prediction may change: rounding, which depends on the size of a batch. On a GPU it is
coarser, since cuDNN multiplies in TF32."""
MAX_MEAN_CHANGE, MAX_MEAN_CHANGE_ON_GPU = 1e-4, 0.002
"""Bits by which predictions may change in the mean, since rounding is not to one side."""
MAX_NORMALIZATION_ERROR = 1e-3
"""Distance of a sum of probabilities from 1 that rounding explains."""

Bits = NDArray[np.float64]


@dataclass(frozen=True)
class Again:
    """The bits of the beginnings of stretches that a model was told token by token, scored once more."""

    by_new: Sequence[Bits]
    """By a new model, in windows."""
    by_same: Sequence[Bits]
    """By the one that has read them, in windows."""


def prediction_problem(scored: Sequence[TokenScores], again: Again, device: torch.device) -> str | None:
    """Return why the score of a text means nothing, or None if it passes every check.

    `scored` are the scores of some stretches token by token, of which `again` has the beginnings.
    """
    error = max((each.max_normalization_error for each in scored), default=0.0)
    if not error <= MAX_NORMALIZATION_ERROR:
        return (
            "it says that it returns log-probabilities, but the probabilities of all tokens differ from 1 "
            f"by {error:.2g} in sum"
        )
    if (change := difference(again.by_new, again.by_same, device)) is not None:
        found = f"a second score of the same text differs by {change:.3g} bits in a token"
        return f"it remembers earlier texts: {found}"
    told = [each.bits[: len(bits)] for each, bits in zip(scored, again.by_new, strict=True)]
    if (change := difference(told, again.by_new, device)) is not None:
        return (
            f"it predicts otherwise when it gets several tokens at once: by {change:.3g} bits in a token; "
            "forward must predict each from those before it in its own row, however many it gets"
        )
    return None


def difference(one: Sequence[Bits], other: Sequence[Bits], device: torch.device) -> float | None:
    """Return the largest difference in a token, or in the mean, if it is more than rounding explains."""
    on_cpu = device.type == "cpu"
    changes = np.concatenate([a - b for a, b in zip(one, other, strict=True)] or [np.zeros(0)])
    if not len(changes):
        return None
    largest, mean = float(np.abs(changes).max()), abs(float(changes.mean()))
    if largest <= (MAX_CHANGE if on_cpu else MAX_CHANGE_ON_GPU):
        return None if mean <= (MAX_MEAN_CHANGE if on_cpu else MAX_MEAN_CHANGE_ON_GPU) else mean
    return largest
