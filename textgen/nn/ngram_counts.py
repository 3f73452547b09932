"""Counts of n-grams, in sorted arrays instead of dictionaries, one length after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Counts:
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

    def fits(self, num_contexts: int, vocab_size: int) -> bool:
        """Return whether the arrays are consistent with this number of contexts and of tokens."""
        return (
            len(self.num_next) == num_contexts
            and int(self.num_next.sum()) == len(self.tokens) == len(self.counts)
            and self.num_next.min() > 0 < self.counts.min()
            and 0 <= self.tokens.min() <= self.tokens.max() < vocab_size
        )


def count_ngrams(ids: TokenIds, vocab_size: int, order: int) -> list[Counts]:
    """Return the n-grams of the lengths 1 to `order` with the counts of Kneser and Ney (1995).

    The count of a longest n-gram is the number of its occurrences, that of a shorter one the number of
    distinct tokens that occur before it.
    """
    levels: list[Counts] = []
    for counts, num_before in islice(by_length(ids, vocab_size), order):
        if levels:
            levels[-1] = replace(levels[-1], counts=num_before)
        levels.append(counts)
    return levels


def by_length(ids: TokenIds, vocab_size: int) -> Iterator[tuple[Counts, Integers]]:
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
        yield Counts(smallest(num_next), smallest(tokens), smallest(occurrences)), smallest(num_before)
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
