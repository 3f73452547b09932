"""Spot checks while a text is scored: tokens in every stretch are first predicted with no later one in sight.

A window of the text is computed at once, so a model could look ahead in it. Before a window is read, another
copy of the model gets some of its tokens one at a time, and must predict each as well as in the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import SystemRandom

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from textgen.evaluation.token_bits import Unread, bits_of
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import map_tensors

NUM_WINDOWS = 24
"""One in this many windows is looked at, so that it costs a few percent of the scoring."""
NUM_TOKENS = 6
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
                offset = min(place - window.begin, max(0, size - NUM_TOKENS))
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
                    self.places.append(SystemRandom().randrange(begin, max(begin + 1, last - NUM_TOKENS)))
            self._block_end = end

    def _predict(self, window: Unread, offset: int) -> None:
        read, state = window.read, map_tensors(Tensor.clone, window.state)
        if offset:
            _, state = self.model.forward(read[:, :offset], state)
        for position in range(offset, min(offset + NUM_TOKENS, read.shape[1] - 1)):
            logits, state = self.model.forward(read[:, position : position + 1], state)
            bits = bits_of(logits, read[:, position + 1 : position + 2])[:, 0].tolist()
            place = window.begin + position
            self.found += [
                (stretch, place, alone)
                for stretch, alone in zip(window.stretches, bits, strict=True)
                if place < self.lengths[stretch]
            ]
