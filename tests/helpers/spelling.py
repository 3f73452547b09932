"""A language whose words can be enumerated: three of a vocabulary, and some spelled with a and b."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer

TOKENS = ["\n", " x", " y", " ", "a", "b"]
BEGIN = TOKENS.index(" ")
"""Begins a spelling."""
FIRST = [0.1, 0.3, 0.2, 0.4, 0.0, 0.0]
"""Probabilities of the tokens outside a spelling, and of all but a and b where one ends."""
LETTERS = [(0.5, 0.25), (0.25, 0.25), (0.0, 0.0)]
"""Probabilities of a and b after 1, 2 and 3 tokens of a spelling."""


class Speller:
    """A tokenizer, such as others might write, that spells out-of-vocabulary words with a and b."""

    tokens: Sequence[str] = TOKENS
    fallback: Sequence[bool] = (False, False, False, True, True, True)

    def fit(self, text: str) -> None: ...

    def encode(self, text: str) -> NDArray[np.int64]:
        return np.array([TOKENS.index(piece) for piece in re.findall(r" [xy]|[\n ab]", text)], np.int64)

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        return "".join(TOKENS[token] for token in ids)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...


class Language(nn.Module):
    """The model that knows the language by heart. Its state is the number of tokens of the spelling."""

    def __init__(self) -> None:
        super().__init__()
        ends = [torch.tensor(FIRST) * (1 - a - b) + torch.tensor([0, 0, 0, 0, a, b]) for a, b in LETTERS]
        self.register_buffer("logits", torch.stack([torch.tensor(FIRST), *ends]).log())

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, dtype=torch.long)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        depths = []
        for column in ids.unbind(1):
            state = torch.where(column > BEGIN, state + 1, (column == BEGIN).long())
            depths.append(state)
        logits: Tensor = self.get_buffer("logits")[torch.stack(depths, 1)]
        return logits, state


def spelled_words() -> dict[str, list[float]]:
    """Return the log-probabilities of the tokens and of the end of each word that is spelled."""
    words = {" ": [FIRST[BEGIN]]}
    for word, tokens in list(words.items()):
        words |= {word + letter: [*tokens, LETTERS[0][index]] for index, letter in enumerate("ab")}
    for word, tokens in [item for item in words.items() if len(item[0]) == 2]:
        words |= {word + letter: [*tokens, LETTERS[1][index]] for index, letter in enumerate("ab")}
    return {
        word: np.log([*tokens, 1 - sum(LETTERS[len(tokens) - 1])]).tolist() for word, tokens in words.items()
    }


def word_probabilities() -> dict[str, float]:
    spelled = {word: float(np.exp(np.sum(nats))) for word, nats in spelled_words().items()}
    return dict(zip(TOKENS[:BEGIN], FIRST[:BEGIN], strict=True)) | spelled


def vocabulary(*, has_spellings: bool = True) -> Vocabulary:
    """Return the vocabulary, with spellings whose frequencies are the probabilities of the words."""
    spellings = [
        nats for nats in spelled_words().values() for _ in range(round(400 * float(np.exp(np.sum(nats)))))
    ]
    return BoundTokenizer(Speller()).sampler_vocabulary(spellings if has_spellings else ())
