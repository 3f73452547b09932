"""The model `match`: what followed the same last tokens in the training text."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Le, doc
from torch import Tensor

from textgen.contracts import BaseModel, Search, TokenIds
from textgen.nn.recall import Integers, Places, hashes, shared_lengths, sorted_hashes
from textgen.nn.recall_model import RecallModel

MAX_AGREEMENTS = 3.0
"""Places of the training text that have the same shortest context by chance, on average, at most."""


class Match(RecallModel):
    """Contexts too long for n-grams, looked up in the whole training text (see `textgen.nn.recall`).

    As an n-gram model of unlimited length (Liu et al. 2024, arXiv:2401.17377), but of a context that is there
    more than `places` times only the last ones count. An index has the shortest contexts worth looking up,
    from which matches are extended.
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
