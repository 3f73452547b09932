"""A trie of hundreds of thousands of words in a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LETTERS = 31
"""Maximum length of a word; longer ones are ignored."""
END = 0
"""The code of the end of a word; letters have the codes from 1."""
LINE_END = ord("\n")

Integers = NDArray[np.integer[Any]]
Numbers = NDArray[np.int64]


class Trie:
    """The prefixes of words as numbers, the *nodes*: 0 is the empty one; a word with its end is also a node.

    The words are sorted, in *rows*; those that begin with a node are `begins[node]` to `ends[node]`.
    """

    row_of: Numbers
    """[number of words given], the row of each; -1 without one."""
    codes: Integers
    """[number of rows, MAX_LETTERS + 1], the codes of the letters of each word, padded with END."""
    begins: Numbers
    ends: Numbers
    """[number of nodes]."""

    def __init__(self, codes: Integers, lengths: Numbers, num_codes: int) -> None:
        """Take words of codes in [1, num_codes), one after the other; one with other codes gets no row."""
        self.num_codes = num_codes
        words = np.arange(len(lengths))
        of_code = np.repeat(words, lengths)
        fits = np.bincount(of_code[(codes < 1) | (codes >= num_codes)], minlength=len(lengths)) == 0
        fits &= (lengths > 0) & (lengths <= MAX_LETTERS)
        narrow = np.min_scalar_type(-num_codes)
        table = np.zeros((int(fits.sum()), MAX_LETTERS + 1), narrow.newbyteorder(">"))
        table[np.arange(MAX_LETTERS + 1) < lengths[fits, None]] = codes[fits[of_code]]
        order = np.argsort(table.view(f"S{table.itemsize * table.shape[1]}")[:, 0])  # by bytes, the fastest
        table = table[order]
        is_new = np.append(True, (table[1:] != table[:-1]).any(axis=1))[: len(table)]
        self.row_of = np.full(len(lengths), -1)
        self.row_of[words[fits][order]] = np.cumsum(is_new) - 1
        self.codes = table[is_new].astype(narrow)
        self._build((self.codes != END).sum(axis=1))

    @classmethod
    def of_lines(cls, text: str, letters: Sequence[str]) -> Trie:
        """Return the trie of a text with one word per line; a code is a position in `letters`, from 1."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        code_of = np.zeros(max(map(ord, letters), default=0) + 2, np.int32)
        code_of[[ord(letter) for letter in letters]] = np.arange(1, len(letters) + 1)
        is_end = points == LINE_END
        ends = np.append(np.flatnonzero(is_end), len(points))
        codes = code_of[np.minimum(points[~is_end], len(code_of) - 1)]
        return cls(codes, np.diff(ends, prepend=-1) - 1, len(letters) + 1)

    def _build(self, lengths: Numbers) -> None:
        """Make the nodes, level by level: prefixes of no letter, of one, and so on."""
        changes = np.ones(self.codes.shape, bool)
        np.not_equal(self.codes[1:], self.codes[:-1], out=changes[1:])
        np.logical_or.accumulate(changes, axis=1, out=changes)
        keys, begins, ends = [], [np.zeros(1, np.int64)], [np.full(1, len(lengths))]
        first_node = 0
        for level in range(MAX_LETTERS + 1):
            is_new = changes[:, level] & (level <= lengths)
            rows = np.flatnonzero(is_new)
            borders = np.append(np.flatnonzero(changes[:, level]), len(lengths))
            parents = first_node + np.searchsorted(begins[-1], rows, side="right") - 1
            keys.append(parents * self.num_codes + self.codes[rows, level])
            first_node += len(begins[-1])
            begins.append(rows)
            ends.append(borders[np.searchsorted(borders, rows) + 1])
        self._keys = np.concatenate([*keys, [np.iinfo(np.int64).max]])
        self.begins, self.ends = np.concatenate(begins), np.concatenate(ends)
        parents = self._keys[:-1] // self.num_codes
        self._num_children = np.bincount(parents, minlength=len(self.begins))
        self._first_child = np.cumsum(self._num_children) - self._num_children + 1

    def child(self, nodes: Numbers, codes: Numbers) -> Numbers:
        """Return the nodes one letter further, or -1."""
        keys = nodes * self.num_codes + codes
        places = np.searchsorted(self._keys, keys)
        return np.where((nodes >= 0) & (codes >= 0) & (self._keys[places] == keys), places + 1, -1)

    def children(self, nodes: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Return all nodes one letter further, their letters, and the index of the node that each follows."""
        numbers = self._num_children[nodes]
        of = np.repeat(np.arange(len(nodes)), numbers)
        found = np.arange(len(of)) + (self._first_child[nodes] - (np.cumsum(numbers) - numbers))[of]
        return found, self._keys[found - 1] % self.num_codes, of
