"""Which tokens can follow a letter without a space, by the training text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds

PENALTY = 10.0
"""Nats by which a token is less likely where a tokenizer hardly writes it; none is impossible."""


class WordBounds(nn.Module):
    """Makes words rarer that are glued to the word before.

    A tokenizer makes one word of adjacent letters, so that a word token without a space does not follow a
    letter, except for endings such as `n't`. Models learn it slowly, since every word token has to. Only
    letters that have a case count: their scripts have spaces between words, others may not, as Chinese.
    """

    is_apart: Tensor
    """[vocab_size], whether a token of the training text begins with a letter and never follows one."""
    ends_with_letter: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        begins, ends = (
            [_is_cased(token[place]) for token in tokens] for place in (slice(1), slice(-1, None))
        )
        self.register_buffer("begins_with_letter", torch.tensor(begins), persistent=False)
        self.register_buffer("ends_with_letter", torch.tensor(ends), persistent=False)
        self.register_buffer("is_apart", torch.zeros(len(tokens), dtype=torch.bool))

    def count(self, blocks: Iterable[tuple[TokenIds, NDArray[np.int64]]]) -> None:
        """Find the tokens of a training text that never follow a letter in it (its `Speller.blocks`)."""
        ends = self.ends_with_letter.cpu().numpy()
        occurs, follows = np.zeros(len(ends), bool), np.zeros(len(ends), bool)
        for ids, depths in blocks:
            occurs[ids] = True
            follows[ids[1:][ends[ids[:-1]] & (depths[1:] <= 1)]] = True
        found = torch.from_numpy(occurs & ~follows).to(self.is_apart.device)
        self.is_apart = found & self.get_buffer("begins_with_letter")

    def forward(self, logits: Tensor, before: Tensor, *, is_normalized: bool) -> Tensor:
        """Change, in place, the logits [count, vocab_size] of what follows the tokens `before` [count]."""
        is_letter = self.ends_with_letter[before]
        logits.addr_(is_letter.to(logits.dtype), self.is_apart.to(logits.dtype), alpha=-PENALTY)
        if is_normalized:
            logits[is_letter] = logits[is_letter].log_softmax(-1)
        return logits


def _is_cased(char: str) -> bool:
    return char != "" and unicodedata.category(char) in ("Lu", "Ll", "Lt")
