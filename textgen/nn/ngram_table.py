"""Probabilities of the n-grams of one length."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textgen.nn.ngram_counts import Counts, Integers

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""Discounts for a text too small for estimates, as in KenLM (Heafield et al. 2013)."""


def estimate_discounts(counts: Integers) -> tuple[float, ...]:
    """Return the discounts of counts of 1, 2 and 3 or more (Chen and Goodman 1998).

    With n_i the number of n-grams with count i, and Y = n_1 / (n_1 + 2 n_2), the discounts are
    D_i = i - (i + 1) Y n_(i+1) / n_i.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=5).tolist()
    if all(n[1:5]):
        y = n[1] / (n[1] + 2 * n[2])
        discounts = tuple(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))
        if min(discounts) > 0:
            return discounts
    return FALLBACK_DISCOUNTS


class Table:
    """The part of interpolated Kneser-Ney smoothing that belongs to the n-grams of one length.

    P(token | context) = (count - D(count)) / total + backoff P(token | context without its first token),
    where total is the sum of the counts of all n-grams with this context, and backoff the sum of their
    discounts D divided by total. Contexts are numbers as in `Counts`; -1 is a context that was never seen,
    with a backoff of 1.
    """

    def __init__(self, counts: Counts, vocab_size: int, discount: float | None) -> None:
        self.tokens, self.counts, self._vocab_size = counts.tokens, counts.counts, vocab_size
        discounts = estimate_discounts(counts.counts) if discount is None else (discount,) * 3
        self._discounts = np.array([0.0, *discounts])
        starts = np.append(0, np.cumsum(counts.num_next, dtype=np.int64))
        removed = np.add.reduceat(self._discounts[np.minimum(self.counts, 3)], starts[:-1])
        totals = np.add.reduceat(self.counts, starts[:-1], dtype=np.float64)
        # The last entry, that of context -1, has no n-grams.
        self._starts = starts
        self._num_next = np.append(counts.num_next, 0)
        self._totals = np.append(totals, 1.0)
        self._backoff = np.append(removed / totals, 1.0)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        contexts = np.arange(len(self._num_next) - 1)
        return np.repeat(contexts * self._vocab_size, self._num_next[:-1]) + self.tokens

    def find(self, contexts: Integers, tokens: Integers) -> NDArray[np.int64]:
        """Return the numbers of the n-grams with these contexts and last tokens, or -1."""
        keys = np.where(contexts < 0, -1, contexts * self._vocab_size + tokens)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(self._keys[places] == keys, places, -1)

    def backoff(self, contexts: Integers) -> NDArray[np.float64]:
        """Return the weight of the distribution with the shorter context."""
        return self._backoff[contexts]

    def discounted(self, ngrams: Integers, contexts: Integers) -> NDArray[np.float64]:
        """Return (count - D(count)) / total for n-grams and their contexts."""
        counts = self.counts[ngrams]
        shares: NDArray[np.float64] = (counts - self._discounts[np.minimum(counts, 3)]) / self._totals[
            contexts
        ]
        return shares

    def following(self, contexts: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of all n-grams with these contexts, and the index of each one's context."""
        num_next = self._num_next[contexts]
        rows = np.repeat(np.arange(len(contexts)), num_next)
        shifts = self._starts[contexts] - (np.cumsum(num_next) - num_next)
        return np.arange(len(rows)) + shifts[rows], rows
