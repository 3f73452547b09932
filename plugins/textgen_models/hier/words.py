"""Where words begin and end, and which word is being read: fixed rules on the strings of the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from textgen.data.vocabulary import surface_bytes

MULTIPLIER = 6364136223846793005
"""Multiplier of the hash, that of Knuth's linear congruential generator; products are modulo 2⁶⁴."""


class WordEdges(nn.Module):
    """Whether a word begins or ends in a token.

    Words are runs of alphanumeric characters: one ends where another character follows, so `,` and ` ` end
    the word before them, and the space of `, ` ends none. ` the`, a token of several characters, ends a word
    and begins one. A single byte of a longer character counts as a letter. All this depends on the token and
    on the character before it, so it is the same for every way to cut a text into chunks. Source of the rule:
    SpaceByte (Slagle 2024, arXiv:2404.14408).
    """

    starts_with_letter: Tensor
    ends_with_letter: Tensor
    contains_begin: Tensor
    contains_end: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        texts = [surface_bytes(token).decode("utf-8", errors="ignore") or "x" for token in tokens]
        letters = [[character.isalnum() for character in text] for text in texts]
        rules = {
            "starts_with_letter": [each[0] for each in letters],
            "ends_with_letter": [each[-1] for each in letters],
            "contains_begin": [(False, True) in pairwise(each) for each in letters],
            "contains_end": [(True, False) in pairwise(each) for each in letters],
        }
        for name, values in rules.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, ids: Tensor, is_inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return whether a word begins and whether one ends in each token, both [batch, time].

        `is_inside` [batch] says whether the text before ends with a letter, and the third result the same of
        the text with these tokens.
        """
        starts = self.starts_with_letter[ids]
        after = torch.cat([is_inside[:, None], self.ends_with_letter[ids]], dim=1)
        before = after[:, :-1]
        begins = self.contains_begin[ids] | (starts & ~before)
        ends = self.contains_end[ids] | (~starts & before)
        return begins, ends, after[:, -1]


def hash_words(ids: Tensor, begins: Tensor, last: Tensor) -> Tensor:
    """Return, for each position, a hash of the tokens since the latest word began, [batch, time] of int64.

    `begins` [batch, time] says where that is; `last` [batch] is the hash before the first position.
    """
    hashes = []
    for token, is_first in zip(ids.t(), begins.t(), strict=True):
        last = last.masked_fill(is_first, 0) * MULTIPLIER + (token + 1)
        hashes.append(last)
    return torch.stack(hashes, dim=1)


def rows_of(hashes: Tensor, num_rows: int) -> Tensor:
    """Return the row of a table for each hash; their high bits, which all tokens reach, choose it."""
    return ((hashes * MULTIPLIER) >> 33) % num_rows
