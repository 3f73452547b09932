"""Ends of words, and a hash of the word being read: fixed rules on the strings of the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from textgen.data.vocabulary import surface_bytes
from textgen.data.words import split_words

MULTIPLIER = 6364136223846793005
"""Multiplier of the hash, that of Knuth's linear congruential generator; products are modulo 2⁶⁴."""


class WordEdges(nn.Module):
    """Rules that say whether a word begins or ends in a token.

    Words are runs of alphanumeric characters: one ends where another character follows, so `,` and ` ` end
    the word before them, and the space of `, ` ends none. ` the`, a token of several characters, ends a word
    and begins one. A single byte of a longer character counts as a letter. A Chinese character, or another
    one that is a word by Unicode's boundaries, is a run of its own. All this depends on the token and on the
    character before it, so it is the same for every way to cut a text into chunks. Source of the rule:
    SpaceByte (Slagle 2024, arXiv:2404.14408).
    """

    first_kind: Tensor
    last_kind: Tensor
    contains_begin: Tensor
    contains_end: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        texts = [surface_bytes(token).decode("utf-8", errors="ignore") or "x" for token in tokens]
        kinds = [[_kind(character) for character in text] for text in texts]
        rules: dict[str, list[int] | list[bool]] = {
            "first_kind": [each[0] for each in kinds],
            "last_kind": [each[-1] for each in kinds],
            "contains_begin": [any(map(_begins, each, each[1:])) for each in kinds],
            "contains_end": [any(map(_ends, each, each[1:])) for each in kinds],
        }
        for name, values in rules.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, ids: Tensor, last_kind: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return whether a word begins and whether one ends in each token, both [batch, time].

        `last_kind` [batch] is the kind of the last character of the text before, 0 without one, and the third
        result the same of the text with these tokens.
        """
        first = self.first_kind[ids]
        last = torch.cat([last_kind[:, None], self.last_kind[ids]], dim=1)
        begins = self.contains_begin[ids] | _begins(last[:, :-1], first)
        ends = self.contains_end[ids] | _ends(last[:, :-1], first)
        return begins, ends, last[:, -1]


LETTER, ALONE = 1, 2
"""Kinds of characters: one of a run of letters, and one that is a word by itself; others are 0."""

Kinds = TypeVar("Kinds", int, Tensor)


def _begins(before: Kinds, kind: Kinds) -> Kinds:
    """Return whether a word begins at a character of this kind, after one of the kind `before`."""
    return (kind == ALONE) | ((kind == LETTER) & (before != LETTER))


def _ends(before: Kinds, kind: Kinds) -> Kinds:
    """Return whether a word ends between two characters of these kinds."""
    return (before == ALONE) | ((before == LETTER) & (kind != LETTER))


@cache
def _kind(character: str) -> int:
    if not character.isalnum():
        return 0
    return ALONE if len(split_words(2 * character)) == 2 else LETTER


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
