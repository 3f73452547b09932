"""Whose text is it? A classifier by words, which knows nothing of the models whose texts it is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nltk.classify import NaiveBayesClassifier
from scipy.stats import binomtest

from textgen_tools.conditions.result import Share

WORD = re.compile(r"\w+")
NUM_WORDS = 2000
"""The most frequent words of the training text, whose presence says whose a text is."""


@dataclass(frozen=True, eq=False)
class LabelClassifier:
    """Naive Bayes over the words in a text (Maron 1961, doi:10.1145/321075.321084), as NLTK has it."""

    words: frozenset[str]
    model: NaiveBayesClassifier

    @classmethod
    def of(cls, texts: Mapping[str, Sequence[str]]) -> LabelClassifier:
        """Return the classifier of training texts by their labels."""
        counts = Counter(word for each in texts.values() for text in each for word in _words(text))
        words = frozenset(word for word, _ in counts.most_common(NUM_WORDS))
        known = [(_present(text, words), label) for label, each in texts.items() for text in each]
        return cls(words, NaiveBayesClassifier.train(known))

    def label(self, text: str) -> str:
        """Return the label that a text most likely has."""
        return str(self.model.classify(_present(text, self.words)))


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _present(text: str, words: frozenset[str]) -> dict[str, bool]:
    return dict.fromkeys(words.intersection(_words(text)), True)


def pieces(text: str, num_chars: int) -> Iterator[str]:
    """Yield a text in pieces of about as many characters, which end with words; no shorter rest."""
    piece: list[str] = []
    size = 0
    for word in text.split():
        piece.append(word)
        size += len(word) + 1
        if size >= num_chars:
            yield " ".join(piece)
            piece, size = [], 0


def share(number: int, total: int) -> Share:
    """Return a share with its interval."""
    if not total:
        return Share(0, 0, (0.0, 1.0))
    found = binomtest(number, total).proportion_ci(0.95, "wilson")
    return Share(number, total, (float(found.low), float(found.high)))
