"""The check of what was scored token by token: a new model must predict alike when it reads in windows.

A model that predicts a window otherwise than token by token was trained and validated on other predictions
than those that count; one that remembers earlier texts, or takes something from the rows that are read beside
a text, is of another class than it says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from textgen.contracts import TokenIds
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.nn.language_model import LanguageModel

NUM_SCORED_AGAIN = 1024
"""Tokens that are scored again, at the beginnings of the first and of the last stretch."""
CHUNK = 61
"""Tokens at a time in these scores."""
MAX_CHANGE, MAX_CHANGE_ON_GPU = 1e-3, 0.05
"""Bits by which a prediction may change: rounding, which depends on the size of a batch. On a GPU it is
coarser, since cuDNN multiplies in TF32."""
MAX_MEAN_CHANGE, MAX_MEAN_CHANGE_ON_GPU = 1e-4, 0.002
"""Bits by which predictions may change in the mean, since rounding is not to one side."""
MAX_NORMALIZATION_ERROR = 1e-3
"""Distance of a sum of probabilities from 1 that rounding explains."""


def prediction_problem(
    new: LanguageModel, scored: Sequence[TokenScores], start_ids: TokenIds, device: torch.device
) -> str | None:
    """Return what is wrong with the scores of a model that was told a text; None if they pass every check.

    `new` is another one with the same weights, which has read nothing yet.
    """
    error = max((each.max_normalization_error for each in scored), default=0.0)
    if not error <= MAX_NORMALIZATION_ERROR:
        return (
            "it says that it returns log-probabilities, but the probabilities of all tokens differ from 1 "
            f"by {error:.2g} in sum"
        )
    changes = [np.zeros(0)]
    for each in (scored[index] for index in sorted({0, len(scored) - 1})):
        ids = each.ids[:NUM_SCORED_AGAIN]
        (again,) = score_stretches(new, [""], [ids], start_ids, device=device, chunk=CHUNK)
        changes.append(again.bits - each.bits[: len(ids)])
    if (change := _more_than_rounding(np.concatenate(changes), device)) is None:
        return None
    return (
        f"it predicts otherwise when it gets several tokens at once: by {change:.3g} bits in a token; "
        "forward must predict each from those before it in its own row, and remember nothing but the state"
    )


def _more_than_rounding(
    changes: np.ndarray[tuple[int], np.dtype[np.float64]], device: torch.device
) -> float | None:
    """Return the largest difference in a token, or in the mean, if it is more than rounding explains."""
    on_cpu = device.type == "cpu"
    if not len(changes):
        return None
    largest, mean = float(np.abs(changes).max()), abs(float(changes.mean()))
    if largest <= (MAX_CHANGE if on_cpu else MAX_CHANGE_ON_GPU):
        return None if mean <= (MAX_MEAN_CHANGE if on_cpu else MAX_MEAN_CHANGE_ON_GPU) else mean
    return largest
