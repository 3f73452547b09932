"""Models that refine the predictions of another by places with the same last tokens (see `recall`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import BaseModel, TokenIds
from textgen.nn.recall import Evidence, Integers, Places, Recall
from textgen.nn.refinement import Refinement
from textgen.nn.state import take_rows

NUM_FOLLOWING = 12
"""Tokens after a place that are shown."""


class RecallModel(Refinement):
    """A model that finds places with the same last tokens, and refines its `base` by what follows there.

    It remembers the last `window` tokens, and those of the longest context: [batch, tokens], -1 before the
    first.
    """

    def __init__(self, vocab_size: int, base: BaseModel | None, longest: int, window: int) -> None:
        super().__init__(vocab_size, base)
        self.window = window
        self.recall = Recall(vocab_size, longest)

    @abstractmethod
    def places(self, tokens: Integers, num_new: int) -> Places:
        """Return places for the last `num_new` tokens in rows of `tokens` [batch, …].

        At least as many precede them as the longest context has; -1 precedes the text.
        """

    def text_of_places(self, tokens: Integers) -> Integers:
        """Return the text that the earlier places of a row of `tokens` are in: that row, or another text."""
        return tokens

    def longest_places(self, ids: TokenIds) -> list[tuple[TokenIds, TokenIds]]:
        """Return, for each token of a text, the longest context that was found after it, and what followed.

        Both are empty where none was found. Of several, the last one is taken, and `NUM_FOLLOWING` tokens.
        """
        memory = self.initial_memory(1)[0].cpu().numpy()
        tokens = np.concatenate((memory[len(memory) - self.recall.longest :], ids.astype(np.int32)))
        places, source = self.places(tokens[None], len(ids)), self.text_of_places(tokens)
        found = [(tokens[:0], tokens[:0])] * len(ids)
        order = np.lexsort((places.earlier, places.lengths, places.positions))
        positions = places.positions[order]
        for index in order[np.append(positions[1:] != positions[:-1], True)] if len(order) else ():
            position, length = int(places.positions[index]), int(places.lengths[index])
            end, known = int(places.earlier[index]) + 1, len(source)
            if source is tokens:  # what comes later is not read yet
                known = self.recall.longest + position + 1
            found[position] = source[end - length : end], source[end : min(end + NUM_FOLLOWING, known)]
        return found

    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Fit how much the places are trusted, to whole stretches of text, each from an initial state."""
        evidence, memory = list[Evidence](), None
        with torch.inference_mode():
            for window, predictions in self.held_out(stretches):
                num_rows = len(window.inputs)
                memory = self.initial_memory(num_rows) if memory is None else take_rows(memory, 0, num_rows)
                places, memory = self._look_up(window.inputs, memory)
                of_all = self.recall.evidence(predictions.flatten(0, 1), window.targets.flatten(), places)
                is_text = torch.from_numpy(window.is_text.ravel())
                evidence.append(Evidence(*(part[is_text] for part in of_all)))
        if evidence:
            self.recall.fit(evidence)

    def initial_memory(self, batch_size: int) -> Tensor:
        """Return that no token was read."""
        size = (batch_size, self.window + self.recall.longest)
        return self.recall.shortest.new_full(size, -1, dtype=torch.int32)

    def refine(self, predictions: Tensor, ids: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refined log-probabilities [batch, time, vocab_size], and the tokens read then."""
        places, memory = self._look_up(ids, memory)
        return self.recall(predictions.flatten(0, 1), places).view_as(predictions), memory

    def _look_up(self, ids: Tensor, memory: Tensor) -> tuple[Places, Tensor]:
        """Return the places of each of `ids` [batch, time], and the tokens read then."""
        text = torch.cat((memory, ids.to(memory)), dim=1)
        tokens = text.cpu().numpy()
        begin = max(0, int((tokens >= 0).any(0).argmax()) - self.recall.longest)
        return self.places(tokens[:, begin:], ids.shape[1]), text[:, ids.shape[1] :]
