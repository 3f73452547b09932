"""When words were learnt: bits of frequent, middling and rare words, and which words one entry knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textgen_look.reading import spaced_words

CLASSES = ("frequent", "middling", "rare")
"""Thirds of the words of the held-out text, by how often the training text has them."""
MIN_TIMES, NUM_SHOWN = 3, 8
"""A word is shown if the held-out text has it as often; and this many are."""


@dataclass(frozen=True, kw_only=True)
class WordCost:
    """A word of the held-out text."""

    word: str
    times: int
    bits: tuple[float, ...]
    """What it costs on average: in each entry, or before and after a part of training."""


@dataclass(frozen=True, kw_only=True)
class WordBits:
    """Bits of words at one moment of training."""

    by_class: tuple[float, ...]
    """Bits per word of each of the `CLASSES`."""
    learnt: tuple[WordCost, ...] = ()
    """The words that fell most since the moment before; their bits are those of then and of now."""


class HeldOutWords:
    """The words of held-out text, with the space before each, and their classes."""

    def __init__(self, stretches: Sequence[str], counts: Mapping[str, int]) -> None:
        self._places = [
            (number, begin, end) for number, text in enumerate(stretches) for begin, end in spaced_words(text)
        ]
        words = [stretches[number][begin:end].strip().lower() for number, begin, end in self._places]
        self.words = sorted(set(words))
        number_of = {word: number for number, word in enumerate(self.words)}
        self._numbers = np.array([number_of[word] for word in words], int)
        self.times = np.bincount(self._numbers, minlength=len(self.words))
        known = np.array([counts.get(word, 0) for word in words])
        order = np.argsort(-known, kind="stable")
        self._class = np.zeros(len(words), int)
        self._class[order] = np.arange(len(words)) * len(CLASSES) // max(1, len(words))

    def costs(self, bits: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the bits of each occurrence, given those of each character of each stretch."""
        sums = [np.append(0.0, np.cumsum(each)) for each in bits]
        return np.array([sums[number][end] - sums[number][begin] for number, begin, end in self._places])

    def by_word(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean bits of each word."""
        return np.bincount(self._numbers, costs, len(self.words)) / self.times

    def at(self, costs: NDArray[np.float64], before: NDArray[np.float64] | None) -> WordBits:
        """Return the bits by class, and what was learnt since the costs `before`."""
        sizes = np.bincount(self._class, minlength=len(CLASSES))
        means = np.bincount(self._class, costs, len(CLASSES)) / np.maximum(1, sizes)
        learnt: tuple[WordCost, ...] = ()
        if before is not None:
            then, now = self.by_word(before), self.by_word(costs)
            learnt = self._most(then - now, then, now)
        return WordBits(by_class=tuple(round(float(value), 3) for value in means), learnt=learnt)

    def known_to_one(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[WordCost, ...]:
        """Return the words that cost one entry least compared with the other."""
        mine, others = self.by_word(one), self.by_word(other)
        return self._most(others - mine, mine, others)

    def _most(self, gain: NDArray[np.float64], *bits: NDArray[np.float64]) -> tuple[WordCost, ...]:
        told = np.where(self.times >= MIN_TIMES, gain, -np.inf)
        best = [index for index in np.argsort(-told, kind="stable")[:NUM_SHOWN] if told[index] > 0]
        return tuple(
            WordCost(
                word=self.words[index],
                times=int(self.times[index]),
                bits=tuple(round(float(each[index]), 2) for each in bits),
            )
            for index in best
        )
