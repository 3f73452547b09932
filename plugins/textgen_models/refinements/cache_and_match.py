"""The models `cache` and `match`, which refine another by what followed the same last tokens elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import BaseModel, Search, TokenIds
from textgen.nn.state import take_rows
from textgen_models.refinements.base import Refinement
from textgen_models.refinements.recall import (
    Evidence,
    Integers,
    Places,
    Recall,
    hashes,
    shared_lengths,
    sorted_hashes,
)

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


MAX_AGREEMENT = 0.02
"""How often two places of a text have the same shortest context by chance, at most."""
MAX_PLACES = 2048
"""The most places that are looked at for a token, the last ones, so that repetitive text fits in memory."""


class Cache(RecallModel):
    """Remembers the text that it reads, and expects again what followed the same tokens there (a cache).

    See `recall.py`. Tokens become more likely that followed the same last tokens since the initial state:
    names that are back, and turns of phrase.
    """

    reads_on: ClassVar[bool] = True

    def __init__(
        self,
        vocab_size: int,
        *,
        base: BaseModel | None = None,
        longest: Annotated[
            int,
            Ge(1),
            Le(64),
            doc("Length of the longest contexts in tokens."),
            Search(values=(4, 6, 10, 16)),
        ] = 10,
        half_life: Annotated[
            float,
            Ge(1),
            Le(1e9),
            doc("Tokens after which a place counts half."),
            Search(values=(300.0, 1000.0, 3000.0)),
        ] = 1000.0,
        window: Annotated[
            int, Ge(1), Le(2**20), doc("Tokens that are remembered."), Search(values=(512, 2048, 8192))
        ] = 8192,
    ) -> None:
        super().__init__(vocab_size, base, longest, window)
        self.half_life = half_life

    def fit(self, ids: TokenIds) -> None:
        """Choose the length of the shortest contexts: characters alone, unlike words, tell too little."""
        self.recall.choose_shortest(ids, MAX_AGREEMENT)

    def places(self, tokens: Integers, num_new: int) -> Places:
        """Return earlier places in the same row."""
        first, shortest = tokens.shape[1] - num_new, int(self.recall.shortest)
        codes = hashes(tokens, shortest)
        pairs = [_equal(row, first) for row in codes]
        rows = np.repeat(np.arange(len(tokens)), [len(here) for here, _ in pairs])
        here, there = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        is_near = here - there <= self.window
        rows, here, there = rows[is_near], here[is_near], there[is_near]
        text, starts = tokens.ravel(), rows * tokens.shape[1]
        lengths = shared_lengths(text, starts + here, text, starts + there, self.recall.longest)
        found = lengths >= shortest  # others have the same hash only
        rows, here, there = rows[found], here[found], there[found]
        return Places(
            positions=rows * num_new + here - first,
            lengths=lengths[found],
            earlier=there,
            following=tokens[rows, there + 1].astype(np.int64),
            weights=np.exp2((there - here) / self.half_life).astype(np.float32),
        )


def _equal(codes: NDArray[np.int64], first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of a place from `first` on and an earlier one with the same number, but 0.

    Of more than `MAX_PLACES` earlier ones, the last are returned.
    """
    if len(codes) - first == 1:  # as in generation: faster than to sort
        there = np.flatnonzero(codes[:first] == codes[first])[-MAX_PLACES:] if codes[first] else codes[:0]
        return np.full(len(there), first), there
    order = np.argsort(codes, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(codes))
    starts = np.searchsorted(codes[order], codes[first:])
    num_earlier = np.where(codes[first:] == 0, 0, np.minimum(rank[first:] - starts, MAX_PLACES))
    here = np.repeat(np.arange(first, len(codes)), num_earlier)
    ends = num_earlier.cumsum()
    places = np.arange(len(here)) + np.repeat(rank[first:] - ends, num_earlier)
    return here, order[places]


MAX_AGREEMENTS = 3.0
"""Places of the training text that have the same shortest context by chance, on average, at most."""


class Match(RecallModel):
    """Looks long contexts up in the whole training text, and expects what followed them there.

    See `recall.py`. As an n-gram model of unlimited length (Liu et al. 2024, arXiv:2401.17377), but of a
    context that is there more than `places` times only the last ones count. An index has the shortest
    contexts worth looking up, from which matches are extended.
    """

    text: Tensor
    """[tokens], the training text."""

    def __init__(
        self,
        vocab_size: int,
        *,
        base: BaseModel | None = None,
        longest: Annotated[
            int,
            Ge(1),
            Le(256),
            doc("Length of the longest contexts in tokens."),
            Search(values=(8, 16, 24, 32)),
        ] = 24,
        places: Annotated[
            int,
            Ge(1),
            Le(4096),
            doc("The most places that are looked at, the last ones."),
            Search(values=(4, 16, 64)),
        ] = 16,
    ) -> None:
        super().__init__(vocab_size, base, longest, 0)
        self.num_places = places
        self.register_buffer("text", torch.zeros(0, dtype=torch.int32))
        self._text: Integers = np.zeros(0, np.int32)
        self._numbers = self._places = np.zeros(0, np.int64)

    def fit(self, ids: TokenIds) -> None:
        """Keep the training text, and choose the length of the shortest contexts."""
        self.recall.choose_shortest(ids, MAX_AGREEMENTS / max(1, len(ids)))
        self._use(torch.from_numpy(np.asarray(ids, np.int32).copy()))

    def places(self, tokens: Integers, num_new: int) -> Places:
        """Return places in the training text."""
        first, shortest = tokens.shape[1] - num_new, int(self.recall.shortest)
        wanted = hashes(tokens, shortest)[:, first:].ravel()
        ends = np.searchsorted(self._numbers, wanted, side="right")
        begins = np.maximum(np.searchsorted(self._numbers, wanted), ends - self.num_places)
        found = np.where(wanted == 0, 0, ends - begins)
        here = np.repeat(np.arange(len(wanted)), found)
        there = self._places[np.arange(len(here)) + np.repeat(ends - np.cumsum(found), found)]
        flat = here // num_new * tokens.shape[1] + here % num_new + first
        lengths = shared_lengths(tokens.ravel(), flat, self._text, there, self.recall.longest)
        is_match = lengths >= shortest
        following = self._text[there + 1].astype(np.int64)
        weights = np.ones(is_match.sum(), np.float32)
        return Places(here[is_match], lengths[is_match], there[is_match], following[is_match], weights)

    def text_of_places(self, tokens: Integers) -> Integers:  # noqa: ARG002 - another text
        """Return the training text."""
        return self._text

    def _use(self, text: Tensor) -> None:
        """Replace the training text, and its index: the hashes of its shortest contexts in order."""
        self.text = text.to(self.text.device)
        self._text = text.cpu().numpy()
        self._numbers, self._places = sorted_hashes(self._text[:-1], int(self.recall.shortest))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the training text, whose length a new model does not know, and index it."""
        if (text := state_dict.get(f"{prefix}text")) is not None:
            if len(text) and not 0 <= int(text.min()) <= int(text.max()) < self.vocab_size:
                raise ValueError("the training text has tokens that the vocabulary lacks")
            shortest = state_dict.get(f"{prefix}recall.shortest", self.recall.shortest)
            if not 1 <= int(shortest) <= self.recall.longest:
                raise ValueError(f"the shortest contexts have {int(shortest)} tokens")
            self.recall.shortest.copy_(shortest)
            self._use(text)
        super()._load_from_state_dict(state_dict, prefix, *rest)
