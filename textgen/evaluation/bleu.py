"""Self-BLEU: how much samples resemble each other (Zhu et al. 2018, arXiv:1802.01886).

BLEU-4 is that of Papineni et al. (2002), smoothed by method 1 of Chen and Cherry (2014). It is written here
because importing NLTK, whose values it equals, takes longer than the process of a small entry does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice
from typing import TypeAlias

Grams: TypeAlias = list[Counter[tuple[str, ...]]]
"""Counts of the n-grams of a text, for n from 1 to `ORDER`."""

ORDER = 4
MAX_REFERENCES = 32
"""Maximum number of others that a sample is compared with: those that follow it in a circle."""
SMOOTHED = 0.1
"""Count that replaces a count of no shared n-grams."""


def self_bleu(texts: Sequence[Sequence[str]]) -> list[float | None]:
    """Return the BLEU-4 of each text against the others; None for a text without words, or without others.

    Others without words are left out.
    """
    grams = [[Counter(ngrams(text, order)) for order in range(1, ORDER + 1)] for text in texts]
    numbers = range(len(texts))
    scores: list[float | None] = []
    for number, text in enumerate(texts):
        circle = chain(numbers[number + 1 :], numbers[:number])
        others = [other for other in circle if texts[other]][:MAX_REFERENCES]
        if not text or not others:
            scores.append(None)
            continue
        penalty = _brevity_penalty(len(text), [len(texts[other]) for other in others])
        scores.append(penalty * _precision(grams[number], [grams[other] for other in others]))
    return scores


def _precision(grams: Grams, references: Sequence[Grams]) -> float:
    """Return the geometric mean, over n, of the share of n-grams that some reference has as often."""
    logarithms = []
    for place, counts in enumerate(grams):
        shared = sum(
            min(count, max(reference[place][gram] for reference in references))
            for gram, count in counts.items()
        )
        if not shared and not place:
            return 0.0
        logarithms.append(math.log((shared or SMOOTHED) / max(1, counts.total())) / ORDER)
    return math.exp(math.fsum(logarithms))


def _brevity_penalty(length: int, lengths: Sequence[int]) -> float:
    """Return a factor below 1 for a text that is shorter than the reference whose length is closest."""
    closest = min(lengths, key=lambda each: (abs(each - length), each))
    return 1.0 if length > closest else math.exp(1 - closest / length)


def ngrams(text: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Return the n-grams of `text` in order, [max(0, len(text) - order + 1)]."""
    return list(zip(*(islice(text, start, None) for start in range(order)), strict=False))
