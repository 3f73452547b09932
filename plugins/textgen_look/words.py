"""When words were learnt: the bits of frequent, middling and rare words of held-out text during training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.data.bound_tokenizer import START
from textgen.data.words import WORD, spans
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.saved_run import Trained

MAX_CHARS = 40_000
"""Characters of held-out text that are read, the same of all entries."""
CLASSES = ("frequent", "middling", "rare")
"""Thirds of the words of the held-out text, by how often the training text has them."""
MIN_TIMES, NUM_SHOWN = 3, 8
"""A word is shown if the held-out text has it as often; and this many are."""


@dataclass(frozen=True, kw_only=True)
class WordCost:
    """A word of the held-out text."""

    word: str
    times: int
    bits: tuple[float, float]
    """What it costs on average before and after a part of training."""


@dataclass(frozen=True, kw_only=True)
class WordBits:
    """Bits of words at one moment of training."""

    by_class: tuple[float, ...]
    """Bits per word of each of the `CLASSES`."""
    learnt: tuple[WordCost, ...] = ()
    """The words that fell most since the moment before."""


class HeldOutWords:
    """The words of held-out text, with the space before each, and their classes by the training text."""

    def __init__(self, stretches: Sequence[str], training_text: str) -> None:
        counts = Counter(training_text[begin:end].lower() for begin, end in spans(WORD, training_text))
        self._places = [
            (number, begin, end) for number, text in enumerate(stretches) for begin, end in spaced_words(text)
        ]
        words = [stretches[number][begin:end].strip().lower() for number, begin, end in self._places]
        self.words = sorted(set(words))
        number_of = {word: number for number, word in enumerate(self.words)}
        self._numbers = np.array([number_of[word] for word in words], int)
        self.times = np.bincount(self._numbers, minlength=len(self.words))
        known = np.array([counts[word] for word in words])
        order = np.argsort(-known, kind="stable")
        self._class = np.zeros(len(words), int)
        self._class[order] = np.arange(len(words)) * len(CLASSES) // max(1, len(words))

    def costs(self, bits: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the bits of each occurrence, given those of each character of each stretch."""
        sums = [np.append(0.0, np.cumsum(each)) for each in bits]
        return np.array([sums[number][end] - sums[number][begin] for number, begin, end in self._places])

    def at(self, costs: NDArray[np.float64], before: NDArray[np.float64] | None) -> WordBits:
        """Return the bits by class, and what was learnt since the costs `before`."""
        sizes = np.bincount(self._class, minlength=len(CLASSES))
        means = np.bincount(self._class, costs, len(CLASSES)) / np.maximum(1, sizes)
        learnt = () if before is None else self._learnt(before, costs)
        return WordBits(by_class=tuple(round(float(value), 3) for value in means), learnt=learnt)

    def _learnt(self, before: NDArray[np.float64], costs: NDArray[np.float64]) -> tuple[WordCost, ...]:
        """Return the words whose bits fell most, of those that occur often enough."""
        then, now = (
            np.bincount(self._numbers, each, len(self.words)) / self.times for each in (before, costs)
        )
        gain = np.where(self.times >= MIN_TIMES, then - now, -np.inf)
        best = [index for index in np.argsort(-gain, kind="stable")[:NUM_SHOWN] if gain[index] > 0]
        return tuple(
            WordCost(
                word=self.words[index],
                times=int(self.times[index]),
                bits=(round(float(then[index]), 2), round(float(now[index]), 2)),
            )
            for index in best
        )


def spaced_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each word, with the space before it if there is one."""
    return ((begin - (text[begin - 1 : begin] == " "), end) for begin, end in spans(WORD, text))


def bits_of_chars(
    trained: Trained, stretches: Sequence[str], device: torch.device
) -> list[NDArray[np.float64]]:
    """Return the bits of each character of each stretch; those of a token are spread evenly over its own."""
    tokenizer = trained.tokenizer
    ids = [tokenizer.encode(text) for text in stretches]
    scored = score_stretches(trained.model, stretches, ids, tokenizer.encode(START), device=device)
    found = []
    for text, each in zip(stretches, scored, strict=True):
        sizes = np.maximum(tokenizer.table.num_chars[each.ids], 1)
        starts = token_starts(each.ids, tokenizer.table)
        owners = np.repeat(np.arange(len(sizes)), sizes)
        places = (
            np.repeat(starts, sizes) + np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        )
        spread = each.bits[owners] / sizes[owners]
        found.append(np.bincount(places, spread, len(text)).astype(np.float64))
    return found
