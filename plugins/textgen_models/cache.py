"""The model `cache`: what followed the same last tokens earlier in the text that is read."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray

from textgen.contracts import BaseModel, Search, TokenIds
from textgen.nn.recall import Integers, Places, hashes, shared_lengths
from textgen.nn.recall_model import RecallModel

MAX_AGREEMENT = 0.02
"""How often two places of a text have the same shortest context by chance, at most."""
MAX_PLACES = 2048
"""The most places that are looked at for a token, the last ones, so that repetitive text fits in memory."""


class Cache(RecallModel):
    """A cache over contexts of several lengths (see `textgen.nn.recall`).

    Tokens become more likely that followed the same last tokens since the initial state: names that are back,
    and turns of phrase.
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
