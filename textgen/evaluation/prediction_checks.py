"""Checks on the scored text itself that a model predicts each token from those before it alone.

The score of a model that sees the token it has to predict, or that remembers texts it was scored on before,
means nothing. Both show when parts of a stretch are predicted again: with other tokens after them, and
divided differently. While a text is scored, spot checks look at all stretches: a window is computed at once,
so a model could look ahead in it; before one is read, another copy of the model gets some of its tokens one
at a time, and must predict each as well as in the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import SystemRandom

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import State, TokenIds
from textgen.evaluation.token_bits import LOG2, TokenScores, Unread, bits_of, log_softmax, score_stretches
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


NUM_WINDOWS = 24
"""One in this many windows is looked at, so that it costs a few percent of the scoring."""
NUM_SPOT_TOKENS = 6
"""Tokens that are predicted one by one at each place."""


@dataclass
class SpotChecks:
    """Tokens of stretches that are scored side by side, predicted one by one before they can be read.

    The places are drawn by the operating system, so that no plugin can foresee them. Each stretch has at
    least one.
    """

    model: LanguageModel
    """A copy of the model that is scored, which has read none of the text."""
    lengths: Sequence[int]
    """The tokens of each stretch."""
    places: list[int] = field(default_factory=list)
    """The position of the first token of each check, in all stretches that are as long."""
    found: list[tuple[int, int, float]] = field(default_factory=list, init=False)
    """Stretch, position and bits of the tokens that were predicted one by one."""
    _block_end: int = field(default=0, init=False)
    """The end of the part of the text that has its place."""

    def look(self, window: Unread) -> None:
        """Predict tokens of a window one by one, if there is a place in it."""
        self._draw(window)
        size = window.read.shape[1] - 1
        for number, place in enumerate(self.places):
            if window.begin <= place < window.begin + size:
                # At the end of a window there is no later token to peek at.
                offset = min(place - window.begin, max(0, size - NUM_SPOT_TOKENS))
                self.places[number] = window.begin + offset
                self._predict(window, offset)

    def largest_change(self, bits: Sequence[NDArray[np.float64]]) -> float:
        """Return by how many bits predictions in windows differ at most; `bits` are those of each stretch."""
        changes = [abs(bits[stretch][position] - alone) for stretch, position, alone in self.found]
        return max((math.inf if math.isnan(change) else change for change in changes), default=0.0)

    def _draw(self, window: Unread) -> None:
        """Draw a place in each block of windows; in the first, also one where all stretches reach."""
        size = window.read.shape[1] - 1
        while self._block_end <= window.begin:
            begin = self._block_end
            end = begin + max(1, NUM_WINDOWS * size)
            ends = [min(end, max(self.lengths))]
            shortest = min(filter(None, self.lengths), default=1)
            if not begin and shortest < ends[0]:  # a place for all, and where that is no choice, another one
                ends = [shortest, *(ends if shortest < ends[0] // 2 else [])]
            for last in ends:
                if begin < last:
                    self.places.append(
                        SystemRandom().randrange(begin, max(begin + 1, last - NUM_SPOT_TOKENS))
                    )
            self._block_end = end

    def _predict(self, window: Unread, offset: int) -> None:
        read, state = window.read, map_tensors(Tensor.clone, window.state)
        if offset:
            _, state = self.model.forward(read[:, :offset], state)
        for position in range(offset, min(offset + NUM_SPOT_TOKENS, read.shape[1] - 1)):
            logits, state = self.model.forward(read[:, position : position + 1], state)
            bits = bits_of(logits, read[:, position + 1 : position + 2])[:, 0].tolist()
            place = window.begin + position
            self.found += [
                (stretch, place, alone)
                for stretch, alone in zip(window.stretches, bits, strict=True)
                if place < self.lengths[stretch]
            ]
