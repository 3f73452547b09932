"""Memorization: what generated text copies from the training text, and what the scored text shares with it.

The searches are linear in the training text and allocate a few times its size at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TextgenError
from textgen.data.text import Text

Ids: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]

BLOCK = 1 << 20
"""Characters of the training text hashed at a time; it bounds the memory of `longest_verbatim_span`."""
BASE = 0x9E3779B97F4A7C15
"""Base of the rolling hash: any large odd number, so that it has an inverse modulo 2**64."""
TABLE_BITS = 20
"""Binary logarithm of the size of the table that rules out most windows."""


class KnownFourGrams:
    """The set of 4-grams of a sequence of word ids; membership is exact, without hashing.

    A 4-gram is a pair of bigrams two words apart, so its key is made of two bigram indices, as a
    bigram's key is made of two word ids.
    """

    def __init__(self, ids: Ids) -> None:
        self._bigrams, bigrams = np.unique(_pair(ids, 1), return_inverse=True)
        self._four_grams = np.unique(_pair(bigrams.astype(np.int64, copy=False), 2))

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return whether each 4-gram of `ids` (-1 for an unknown word) is known, [len(ids) - 3]."""
        bigrams = _index(self._bigrams, _pair(ids, 1))
        return _index(self._four_grams, _pair(bigrams, 2)) >= 0


def longest_verbatim_span(samples: Sequence[str], train_text: Text) -> str:
    """Return the longest span that occurs verbatim in a sample and in the training text, or "".

    A shared span of n characters implies shared spans of every smaller length, so the length is found
    by bisection; at each length the rolling hashes of all windows (Karp and Rabin, 1987) are compared.
    Hashes only propose: a span is compared character by character before it counts.
    """
    best, limit = "", min(max(map(len, samples), default=0), len(train_text))
    if not limit:
        return best
    rolling = _RollingHash(min(len(train_text), BLOCK) + max(map(len, samples)))
    while len(best) < limit:
        length = (len(best) + limit + 1) // 2
        best = next(_shared_spans(samples, train_text, length, rolling), best)
        if len(best) < length:
            limit = length - 1
    return best


def verbatim_spans(samples: Sequence[str], train_text: Text, length: int) -> list[list[tuple[int, int]]]:
    """Return, for each sample, the spans of at least `length` characters that are in the training text.

    A span is a pair of its first character and the one after its last. It is made of windows of `length`
    characters that are all in the training text, so the whole span need not be.
    """
    return [joined_windows(known, length) for known in known_windows(samples, train_text, length)]


def known_windows(samples: Sequence[str], train_text: Text, length: int) -> list[NDArray[np.bool_]]:
    """Return, for each window of `length` characters of each sample, whether the training text has it."""
    if not any(len(sample) >= length for sample in samples):
        return [np.zeros(0, bool) for _ in samples]
    rolling = _RollingHash(min(len(train_text), BLOCK) + max(length, *map(len, samples)))
    known = set(_shared_spans(samples, train_text, length, rolling))
    return [
        np.array([sample[begin : begin + length] in known for begin in range(len(sample) - length + 1)], bool)
        for sample in samples
    ]


def joined_windows(known: NDArray[np.bool_], length: int) -> list[tuple[int, int]]:
    """Return the spans that known windows of `length` characters make, those that touch joined."""
    spans: list[tuple[int, int]] = []
    for begin in np.flatnonzero(known).tolist():
        joins = bool(spans) and spans[-1][1] >= begin
        spans.append((spans.pop()[0] if joins else begin, begin + length))
    return spans


class _RollingHash:
    """Polynomial hashes modulo 2**64 of all windows of a text, computed from prefix sums."""

    def __init__(self, max_chars: int) -> None:
        self._powers = _powers(BASE, max_chars)
        self._inverse_powers = _powers(pow(BASE, -1, 1 << 64), max_chars)

    def windows(self, text: str, length: int) -> Hashes:
        """Return the hash of each window of `length` characters, [len(text) - length + 1] or [0]."""
        count = max(0, len(text) - length + 1)
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
        prefix = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(codes * self._powers[: len(codes)], out=prefix[1:])
        hashes: Hashes = (
            (prefix[length:] - prefix[:count]) * self._inverse_powers[:count] if count else prefix[:0]
        )
        return hashes


def _shared_spans(
    samples: Sequence[str], train_text: Text, length: int, rolling: _RollingHash
) -> Iterator[str]:
    """Yield the spans of `length` characters of the training text that any sample has, each once."""
    windows = [rolling.windows(sample, length) for sample in samples]
    wanted, firsts = np.unique(np.concatenate(windows), return_index=True)
    begins = np.append(0, np.cumsum([len(each) for each in windows]))
    is_found = np.zeros(len(wanted), bool)
    # Most training windows are ruled out by a small table, which is far cheaper than a search for each.
    table = np.zeros(1 << TABLE_BITS, bool)
    table[_slot(wanted)] = True
    for start in range(0, len(train_text) - length + 1, BLOCK):
        hashes = rolling.windows(train_text[start : start + BLOCK + length - 1], length)
        possible = np.flatnonzero(table[_slot(hashes)])
        indices = _index(wanted, hashes[possible])
        for position, index in zip(possible[indices >= 0], indices[indices >= 0], strict=True):
            if is_found[index]:
                continue
            owner = int(np.searchsorted(begins, firsts[index], "right")) - 1
            begin = int(firsts[index] - begins[owner])
            span = train_text[start + position : start + position + length]
            if span == samples[owner][begin : begin + length]:
                is_found[index] = True
                yield span


def _slot(hashes: Hashes) -> Hashes:
    # The upper bits of the product depend on all bits of the hash, even for windows of one character.
    slots: Hashes = (hashes * np.uint64(BASE)) >> np.uint64(64 - TABLE_BITS)
    return slots


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors)


def _pair(ids: Ids, distance: int) -> Ids:
    if len(ids) and ids.max() >= 1 << 31:
        raise TextgenError(
            "the text is too long to count its word n-grams: it has over 2**31; use --max-chars"
        )
    pairs: Ids = ids[:-distance] << np.int64(32) | ids[distance:]
    return pairs  # negative if either id is -1


def _index(ascending: NDArray[Any], values: NDArray[Any]) -> Ids:
    """Return the index of each value in an ascending array, -1 for a value that it lacks."""
    if not len(ascending):
        return np.full(len(values), -1, np.int64)
    places = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.where(ascending[places] == values, places, -1)


WINDOW = 60
"""Characters of a window; prose hardly repeats as many by chance."""
NUM_SHOWN = 20
MAX_SHOWN_CHARS = 80
MAX_TRAIN_CHARS = 200_000_000
"""Of a longer training text, this much of its beginning is searched."""


@dataclass(frozen=True)
class CopiedSpan:
    """A span of the scored text that is made of windows which the training text has."""

    stretch: int
    """The stretch of the scored text that it is in, from 0."""
    begin: int
    """Its first character in the stretch."""
    num_chars: int
    beginning: str


@dataclass(frozen=True)
class Overlap:
    """How much of the scored text is in the training text."""

    share: float
    """Share of all windows of `WINDOW` characters of the scored text."""
    num_spans: int
    spans: tuple[CopiedSpan, ...]
    """The longest ones."""


def find_overlap(stretches: Sequence[str], train_text: Text) -> Overlap:
    """Return how much of the stretches is in the training text."""
    known = known_windows(stretches, train_text[:MAX_TRAIN_CHARS], WINDOW)
    spans = [
        CopiedSpan(index, begin, end - begin, stretch[begin : min(end, begin + MAX_SHOWN_CHARS)])
        for index, (stretch, flags) in enumerate(zip(stretches, known, strict=True))
        for begin, end in joined_windows(flags, WINDOW)
    ]
    num_windows = sum(map(len, known))
    share = int(sum(map(np.count_nonzero, known))) / num_windows if num_windows else 0.0
    longest = sorted(spans, key=lambda span: -span.num_chars)
    return Overlap(share, len(spans), tuple(longest[:NUM_SHOWN]))
