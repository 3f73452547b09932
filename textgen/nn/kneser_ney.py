"""Kneser-Ney n-grams: sequences counted in one pass, in sorted arrays instead of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds

Integers = NDArray[np.integer[Any]]

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""Discounts for a text too small for estimates, as in KenLM (Heafield et al. 2013)."""


@dataclass(frozen=True)
class NGramCounts:
    """The n-grams of one length, sorted by context (all tokens but the last) and last token.

    The number of an n-gram is its index in this order; the number of its context is the context's index
    among the n-grams that are one token shorter.
    """

    num_next: Integers
    """[number of contexts], the number of n-grams that begin with each; at least one."""
    tokens: Integers
    """[number of n-grams], the last token of each."""
    counts: Integers
    """[number of n-grams], at least one."""


def count_ngrams(ids: TokenIds, vocab_size: int, order: int) -> list[NGramCounts]:
    """Return the n-grams of the lengths 1 to `order` with the counts of Kneser and Ney (1995).

    The count of a longest n-gram is the number of its occurrences, that of a shorter one the number of
    distinct tokens that occur before it.
    """
    levels: list[NGramCounts] = []
    for counts, num_before in islice(by_length(ids, vocab_size), order):
        if levels:
            levels[-1] = replace(levels[-1], counts=num_before)
        levels.append(counts)
    return levels


def by_length(ids: TokenIds, vocab_size: int) -> Iterator[tuple[NGramCounts, Integers]]:
    """Yield, for the lengths 1, 2, …, the n-grams with the number of their occurrences, and the number of
    distinct tokens that occur before each n-gram of the previous length.

    The ids, at least one, are taken as a circle: there is a token before and after every n-gram, and n-grams
    of every length begin at each position.
    """
    num_shorter = 1
    numbers = np.zeros(len(ids), np.int64)  # of the n-gram that ends at each position
    while True:
        keys = np.roll(numbers, 1)
        keys *= vocab_size
        keys += ids
        keys, places = sort_with_places(keys, num_shorter * vocab_size)
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        contexts, tokens = np.divmod(keys[first], vocab_size)
        occurrences = np.diff(first, append=len(ids))
        num_next = np.bincount(contexts, minlength=num_shorter)
        num_before = np.bincount(numbers[places[first]], minlength=num_shorter)
        yield NGramCounts(smallest(num_next), smallest(tokens), smallest(occurrences)), smallest(num_before)
        numbers[places] = np.repeat(np.arange(len(first)), occurrences)
        num_shorter = len(first)


def sort_with_places(keys: NDArray[np.int64], end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return keys in [0, end) sorted, and the position of each before."""
    num_bits = len(keys).bit_length()
    if end << num_bits >= 1 << 63:
        places = np.argsort(keys)
        return keys[places], places
    packed = keys << num_bits  # several times faster: sorts values instead of indices
    packed |= np.arange(len(keys))
    packed.sort()
    return packed >> num_bits, packed & ((1 << num_bits) - 1)


def smallest(values: Integers) -> Integers:
    """Return non-negative integers in the smallest type that both safetensors and torch support."""
    types = (np.uint8, np.int16, np.int32, np.int64)
    return values.astype(next(kind for kind in types if values.max() <= np.iinfo(kind).max))


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


class NGramTable:
    """The part of interpolated Kneser-Ney smoothing that belongs to the n-grams of one length.

    P(token | context) = (count - D(count)) / total + backoff P(token | context without its first token),
    where total is the sum of the counts of all n-grams with this context, and backoff the sum of their
    discounts D divided by total. Contexts are numbers as in `NGramCounts`; -1 is a context that was never
    seen, with a backoff of 1.
    """

    def __init__(self, counts: NGramCounts, vocab_size: int, discount: float | None) -> None:
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


PARTS = ("num_next", "tokens", "counts")
"""The arrays of `NGramCounts` that are buffers of the model for each length."""

LEAST_WEIGHT, LEAST_PROBABILITY = 1e-26, 1e-11
"""Minimum weight of the distribution without context and minimum probability in it, for fp32's range."""


class KneserNey(nn.Module):
    """Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

    A token is predicted from the `order` - 1 tokens before it (see `NGramTable`). Single tokens are
    interpolated with the uniform distribution, so that nothing is impossible. Three discounts are estimated
    for each length of n-grams; a single `discount` gives the method of Kneser and Ney (1995).

    Everything is computed on the CPU. A model that has counted nothing is uniform.
    """

    def __init__(self, vocab_size: int, discount: float | None = None) -> None:
        super().__init__()
        self.vocab_size, self.discount = vocab_size, discount
        self._use([])

    no_contexts: Tensor
    """[order - 1], the contexts before any token."""

    def count(self, ids: TokenIds, order: int) -> None:
        """Replace what was counted by the n-grams of `ids`."""
        self._use(count_ngrams(ids, self.vocab_size, order) if len(ids) else [])

    def contexts(
        self, tokens: Integers, before: Integers, resets: NDArray[np.bool_] | None = None, start: Any = None
    ) -> list[NDArray[np.int64]]:
        """Return the contexts of 0, 1, … `order` - 1 tokens up to each of `tokens`, as numbers [batch, time].

        `before` [batch, order - 1] are those of 1, 2, … tokens before the first one, -1 where a context was
        never seen. Where `resets` [batch, time] is true, `start` [order - 1] takes the place of the contexts
        before that token.
        """
        contexts = [np.zeros(tokens.shape, np.int64)]
        shorter = contexts[0]
        for length, table in enumerate(self._tables[:-1]):
            contexts.append(table.find(shorter, tokens))
            shorter = np.concatenate([before[:, length, None], contexts[-1][:, :-1]], axis=1)
            if resets is not None:
                shorter = np.where(resets, start[length], shorter)
        return contexts

    def probabilities(self, contexts: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return the distributions [number of positions, vocab_size], given the contexts of each length."""
        weights = np.ones(len(contexts[0]))
        longer = []
        for table, numbers in reversed(list(zip(self._tables[1:], contexts[1:], strict=True))):
            longer.append((table, numbers, weights))
            weights = weights * table.backoff(numbers)
        lowest_weights = np.maximum(weights, LEAST_WEIGHT).astype(np.float32)
        probabilities: NDArray[np.float32] = lowest_weights[:, None] * self._without_context
        flat = probabilities.reshape(-1)
        for table, numbers, weights in longer:
            ngrams, rows = table.following(numbers)
            parts = weights[rows] * table.discounted(ngrams, numbers[rows])
            flat[rows * self.vocab_size + table.tokens[ngrams]] += parts.astype(np.float32)
        return probabilities

    def _use(self, levels: Sequence[NGramCounts]) -> None:
        """Replace the n-gram tables, one per length; without any, the distribution is uniform."""
        device = self.no_contexts.device if "no_contexts" in self._buffers else None
        num_longer = max(0, len(levels) - 1)
        self._buffers.clear()
        self.register_buffer("no_contexts", torch.full((num_longer,), -1, device=device), persistent=False)
        self._tables = []
        for length, level in enumerate(levels, start=1):
            for part in PARTS:
                values = torch.from_numpy(getattr(level, part))
                self.register_buffer(f"{part}_{length}", values.to(device))
            self._tables.append(NGramTable(level, self.vocab_size, self.discount))
        self._without_context = lowest(self._tables[:1], self.vocab_size)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the n-grams from `state_dict`; their number depends on the text."""
        levels: list[NGramCounts] = []
        while f"{prefix}tokens_{len(levels) + 1}" in state_dict:
            names = [f"{prefix}{part}_{len(levels) + 1}" for part in PARTS]
            levels.append(NGramCounts(*(state_dict[name].cpu().numpy() for name in names)))
        self._use(levels)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def last_contexts(contexts: Sequence[NDArray[np.int64]], before: Tensor) -> Tensor:
    """Return the contexts after the last token, [batch, order - 1]; without any, those `before` the first."""
    last = [torch.from_numpy(numbers[:, -1]) for numbers in contexts[1:]]
    return torch.stack(last, dim=1).to(before.device) if last else before


def lowest(tables: Sequence[NGramTable], vocab_size: int) -> NDArray[np.float32]:
    """Return the distribution without context [vocab_size]; without a table, the uniform one."""
    probabilities = np.full(vocab_size, 1 / vocab_size, np.float64)
    for table in tables:
        root = np.zeros(1, np.int64)
        ngrams, rows = table.following(root)
        probabilities *= table.backoff(root)
        probabilities[table.tokens] += table.discounted(ngrams, rows)
    return probabilities.clip(LEAST_PROBABILITY).astype(np.float32)
