"""Counting n-grams: sorted arrays instead of dictionaries, one length after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.api import TokenIds

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Counts:
    """The n-grams of one length, sorted by their context, which is all tokens but the last, and the last.

    The number of an n-gram is its place in this order, and that of its context the context's place among
    the n-grams that are one token shorter.
    """

    num_next: Integers
    """[number of contexts], how many of the n-grams begin with each; at least one."""
    tokens: Integers
    """[number of n-grams], the last token of each."""
    counts: Integers
    """[number of n-grams], at least one."""

    def fits(self, num_contexts: int, vocab_size: int) -> bool:
        """Return whether these can be n-grams with so many contexts."""
        return (
            len(self.num_next) == num_contexts
            and int(self.num_next.sum()) == len(self.tokens) == len(self.counts)
            and self.num_next.min() > 0 < self.counts.min()
            and 0 <= self.tokens.min() <= self.tokens.max() < vocab_size
        )


def count_ngrams(ids: TokenIds, vocab_size: int, order: int) -> list[Counts]:
    """Return the n-grams of the lengths 1 to `order` with the counts of Kneser and Ney (1995).

    The longest ones have the number of times that they occur, each shorter one the number of different
    tokens that occur before it.
    """
    levels: list[Counts] = []
    for counts, num_before in islice(by_length(ids, vocab_size), order):
        if levels:
            levels[-1] = replace(levels[-1], counts=num_before)
        levels.append(counts)
    return levels


def by_length(ids: TokenIds, vocab_size: int) -> Iterator[tuple[Counts, Integers]]:
    """Yield for the lengths 1, 2, … the n-grams with how often they occur, and how many different tokens
    occur before each n-gram of the length before.

    The ids, of which there must be one at least, are taken as a circle: so there is a token before and after
    every n-gram, and n-grams of every length begin at each place.
    """
    num_shorter = 1
    numbers = np.zeros(len(ids), np.int64)  # that of the n-gram which ends at each place
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
    """Return keys in [0, end) sorted, and where each of them was."""
    num_bits = len(keys).bit_length()
    if end << num_bits >= 1 << 63:
        places = np.argsort(keys)
        return keys[places], places
    packed = keys << num_bits  # many times as fast, since numbers are sorted faster than places by them
    packed |= np.arange(len(keys))
    packed.sort()
    return packed >> num_bits, packed & ((1 << num_bits) - 1)


def smallest(values: Integers) -> Integers:
    """Return non-negative integers in the smallest type that both files and torch know."""
    types = (np.uint8, np.int16, np.int32, np.int64)
    return values.astype(next(kind for kind in types if values.max() <= np.iinfo(kind).max))
