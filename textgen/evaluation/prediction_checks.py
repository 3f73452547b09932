"""Checks on the scored text itself that a model predicts each token from those before it alone.

The score of a model that sees the token it has to predict, or that remembers texts it was scored on before,
means nothing. Both show when parts of a stretch are predicted again: with other tokens after them, and
divided differently.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import State, TokenIds
from textgen.evaluation.token_bits import LOG2, TokenScores, log_softmax, score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import map_tensors

NUM_TOKENS = 512
"""Tokens that are predicted again with others after them: at the beginning, in the middle and at the end."""
NUM_SCORED_AGAIN, NUM_CHECKED = 4096, 20_000
"""Tokens that are scored again at the beginning of a stretch, and tokens that the checks are limited to."""
CHUNK = 61
"""Tokens at a time in the second score, which divides the text differently."""
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
    if len(scored.ids) < 2:
        return None
    allowed = allowed_change(device)
    sequence = torch.from_numpy(np.concatenate([start_ids, scored.ids[:NUM_CHECKED]]).astype(np.int64))
    repeated, future = _changes(model, sequence.to(device)[None])
    if math.isnan(repeated) or math.isnan(future):
        return "its predictions after some tokens are not finite"
    if repeated <= allowed and not future <= allowed:
        return f"it uses later tokens: changing them changes earlier predictions by {future:.3g} bits"
    ids = scored.ids[:NUM_SCORED_AGAIN]
    (again,) = score_stretches(model, [scored.text], [ids], start_ids, device=device, chunk=CHUNK)
    change = max(repeated, float(np.abs(again.bits - scored.bits[: len(ids)]).max()))
    if not change <= allowed:
        return (
            "it remembers earlier texts, or depends on how a text is divided: a second score of the same "
            f"text differs by {change:.3g} bits in a token"
        )
    return None


def allowed_change(device: torch.device) -> float:
    """Return by how many bits a prediction may change."""
    return MAX_CHANGE if device.type == "cpu" else MAX_CHANGE_ON_GPU


def _changes(model: LanguageModel, sequence: Tensor) -> tuple[float, float]:
    """Return the largest changes of predictions in bits, in three places of a text.

    The first is that of a repetition, the second that of other tokens after the prediction.
    """
    last = max(0, sequence.shape[1] - NUM_TOKENS)
    position, changes = 0, []
    with torch.inference_mode():
        state = model.initial_state(1)
        for start in sorted({0, last // 2, last}):
            while position < start:
                end = min(start, position + NUM_TOKENS)
                _, state = model.forward(sequence[:, position:end], state)
                position = end
            changes.append(_changes_of(model, sequence[:, start : start + NUM_TOKENS], state))
    repeated, future = np.max(changes, axis=0)  # NaN if one is
    return float(repeated), float(future)


def _changes_of(model: LanguageModel, window: Tensor, state: State) -> tuple[float, float]:
    """Return the same for the predictions in the first half of a window."""
    half = window.shape[1] // 2
    changed = window.clone()
    changed[:, half:] = (changed[:, half:] + 1) % model.vocab_size
    first, second, other = (
        log_softmax(model.forward(each, map_tensors(Tensor.clone, state))[0][:, :half])
        for each in (window, window, changed)
    )
    return _largest_change(first, second), _largest_change(first, other)


def _largest_change(one: Tensor, other: Tensor) -> float:
    """Return the largest difference of two log-probabilities in bits; equal infinities do not differ."""
    return float(torch.where(one == other, 0.0, one - other).abs().max()) / LOG2
