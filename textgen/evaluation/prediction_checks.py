"""Checks of a trained model's predictions, made on the scored text itself: nothing but the past is used.

A model that sees the token it has to predict, or that remembers texts it was scored on before, gets a score
that means nothing. Both are found by predicting the beginning of a stretch again: with other tokens after it,
and divided differently.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from textgen.api import TokenIds
from textgen.evaluation.token_bits import LOG2, TokenScores, log_softmax, score_text
from textgen.nn.language_model import LanguageModel

NUM_TOKENS, NUM_SCORED_AGAIN = 512, 4096
"""Tokens at the beginning of a stretch that are predicted again: with others after them, and unchanged."""
CHUNK = 61
"""Tokens at a time then, which divides them differently."""
MAX_CHANGE, MAX_CHANGE_ON_GPU = 1e-3, 0.05
"""Bits by which a prediction may change: rounding, which depends on the size of a batch. On a GPU it is
coarser, since cuDNN multiplies in TF32."""
MAX_NORMALIZATION_ERROR = 1e-3
"""Distance of a sum of probabilities from 1 that rounding explains."""


def prediction_problem(
    model: LanguageModel, scored: TokenScores, start_ids: TokenIds, *, device: torch.device
) -> str | None:
    """Return why the score of a stretch means nothing, or None if it passes every check.

    `scored` is what the model needed for the stretch, after the tokens `start_ids`, from an initial state.
    """
    if not scored.max_normalization_error <= MAX_NORMALIZATION_ERROR:
        return (
            "it says that it returns log-probabilities, but the probabilities of all tokens differ from 1 "
            f"by {scored.max_normalization_error:.2g} in sum"
        )
    ids = scored.ids[:NUM_SCORED_AGAIN]
    if len(ids) < 2:
        return None
    allowed = MAX_CHANGE if device.type == "cpu" else MAX_CHANGE_ON_GPU
    sequence = torch.from_numpy(np.concatenate([start_ids, ids[:NUM_TOKENS]]).astype(np.int64))
    repeated, future = _changes(model, sequence.to(device)[None])
    if repeated <= allowed and not future <= allowed:
        return f"it uses later tokens: changing them changes earlier predictions by {future:.3g} bits"
    again = score_text(model, scored.text, ids, start_ids, device=device, chunk=CHUNK)
    change = max(repeated, float(np.abs(again.bits - scored.bits[: len(ids)]).max()))
    if not change <= allowed:
        return (
            "it remembers earlier texts, or depends on how a text is divided: a second score of the same "
            f"text differs by {change:.3g} bits in a token"
        )
    return None


def _changes(model: LanguageModel, sequence: Tensor) -> tuple[float, float]:
    """Return by how many bits predictions in the first half of a text change.

    Once when they are repeated, and once when the second half is another one.
    """
    half = sequence.shape[1] // 2
    changed = sequence.clone()
    changed[:, half:] = (changed[:, half:] + 1) % model.vocab_size
    with torch.inference_mode():
        first, second, other = (
            log_softmax(model.forward(each, model.initial_state(1))[0][:, :half])
            for each in (sequence, sequence, changed)
        )
    return _largest_change(first, second), _largest_change(first, other)


def _largest_change(one: Tensor, other: Tensor) -> float:
    """Return the largest difference of two log-probabilities in bits; equal infinities do not differ."""
    return float(torch.where(one == other, 0.0, one - other).abs().max()) / LOG2
