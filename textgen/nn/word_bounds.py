"""Which tokens can follow a letter without a space, by the training text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PENALTY = 10.0
"""Nats by which a token is less likely where a tokenizer hardly writes it; none is impossible."""


class WordBounds(nn.Module):
    """Makes words rarer that are glued to the word before.

    A tokenizer makes one word of adjacent letters, so that a word token without a space does not follow a
    letter, except for endings such as `n't`. Models learn it slowly, since every word token has to.
    """

    is_apart: Tensor
    """[vocab_size], whether a token begins with a letter and never followed one in the training text."""
    ends_with_letter: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        begins = torch.tensor([token[:1].isalpha() for token in tokens])
        ends = torch.tensor([token[-1:].isalpha() for token in tokens])
        self.register_buffer("ends_with_letter", ends, persistent=False)
        self.register_buffer("is_apart", begins)

    def observe(self, ids: Tensor, is_first: Tensor) -> None:
        """Read a training text; `is_first` tells which of `ids` [time] begin a word or a spelling."""
        follows = self.ends_with_letter[ids[:-1]] & is_first[1:]
        self.is_apart[ids[1:][follows]] = False

    def forward(self, logits: Tensor, before: Tensor, *, is_normalized: bool) -> Tensor:
        """Change, in place, the logits [count, vocab_size] of what follows the tokens `before` [count]."""
        rows, columns = self.ends_with_letter[before].nonzero(), self.is_apart.nonzero()[:, 0]
        logits[rows, columns] -= PENALTY
        if is_normalized:
            logits[rows[:, 0]] = logits[rows[:, 0]].log_softmax(-1)
        return logits
