"""Metrics of generated text, all taken from the decoded text by one analyzer, whatever the tokenizer was.

Compare them only between samples of one fixed length: distinct-n and repetition depend on length. For the
same reason a sample ends within a word, so a word that touches the end of its sample is not counted.
Words keep their case, except when they are looked up in a lexicon.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgen.data.text import Text, blocks, part
from textgen.data.unicode import utf8
from textgen.data.words import WORD, words
from textgen.evaluation.memorization import KnownFourGrams, longest_verbatim_span

CLITIC = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$")
"""A clitic that may follow a real word, as in `Anne's` and `hadn't`."""

MAX_REFERENCES = 32
"""Self-BLEU compares a sample with at most this many others, the ones that follow it in a circle."""

MAX_INDEXED_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that tell novel from copied text."""


@dataclass(frozen=True, kw_only=True)
class TextMetrics:
    """Metrics of samples; None stands for a share of nothing."""

    real_word_rate: float | None
    """Share of words that are in the lexicon or the training text, in lower case or without a clitic."""
    distinct_1: float | None
    """Different words / words, within samples (Li et al. 2016, arXiv:1510.03055)."""
    distinct_2: float | None
    """The same for bigrams."""
    repetition_4: float | None
    """Share of word 4-grams that occurred earlier in their sample."""
    self_bleu: float | None
    """Mean BLEU-4 of each sample against others (Zhu et al. 2018, arXiv:1802.01886), itself excluded.

    Smoothed by method 1 of Chen and Cherry 2014; high means alike."""
    novel_4gram_rate: float | None
    """Share of word 4-grams that do not occur in the training text."""
    longest_verbatim_span: float
    """Characters of the longest span of any sample that is in the training text."""
    compression_ratio: float | None
    """UTF-8 bytes before / after zlib, all samples joined. High means repetitive."""
    num_words: float
    mean_word_length: float | None
    """In characters."""


class TextAnalyzer:
    """Computes metrics of samples against one training text and one lexicon of lower-case words.

    Of a larger text the first `MAX_INDEXED_CHARS` characters are known.
    """

    def __init__(self, train_text: Text, lexicon: Collection[str]) -> None:
        self._train_text = part(train_text, 0, min(len(train_text), MAX_INDEXED_CHARS))
        self._lexicon = frozenset(lexicon)
        # One pass, one small integer per running word: the words themselves are kept once.
        self._id_of_word: dict[str, int] = {}
        identify = self._id_of_word.setdefault
        ids = (
            identify(match.group(), len(self._id_of_word))
            for block in blocks(self._train_text)
            for match in WORD.finditer(block)
        )
        self._four_grams = KnownFourGrams(np.fromiter(ids, np.int64))
        self._train_words = frozenset(map(_normal_form, self._id_of_word))

    def metrics(self, samples: Sequence[str]) -> TextMetrics:
        """Return the metrics of `samples`."""
        texts = [words(sample) for sample in samples]
        tokens = list(chain.from_iterable(texts))
        four_grams = [ngrams(text, 4) for text in texts]
        num_four_grams = sum(map(len, four_grams))
        known = sum(int(self._four_grams.contains(self._ids(text)).sum()) for text in texts)
        joined = utf8("\n".join(samples))
        return TextMetrics(
            real_word_rate=share(sum(map(self.is_real, tokens)), len(tokens)),
            distinct_1=distinct(texts, 1),
            distinct_2=distinct(texts, 2),
            repetition_4=share(sum(len(grams) - len(set(grams)) for grams in four_grams), num_four_grams),
            self_bleu=self_bleu(texts),
            novel_4gram_rate=share(num_four_grams - known, num_four_grams),
            longest_verbatim_span=len(longest_verbatim_span(samples, self._train_text)),
            compression_ratio=share(len(joined), len(zlib.compress(joined))) if any(samples) else None,
            num_words=len(tokens),
            mean_word_length=share(sum(map(len, tokens)), len(tokens)),
        )

    def made_up_words(self, samples: Sequence[str]) -> list[str]:
        """Return the words of `samples` that are not real, in lower case, the most frequent first."""
        tokens = chain.from_iterable(map(words, samples))
        return [
            word
            for word, _ in Counter(token.lower() for token in tokens if not self.is_real(token)).most_common()
        ]

    def is_real(self, word: str) -> bool:
        """Return whether the lexicon or the training text has `word`, in lower case or without a clitic."""
        form = _normal_form(word)
        return any(
            known and (known in self._lexicon or known in self._train_words)
            for known in (form, CLITIC.sub("", form))
        )

    def _ids(self, text: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.fromiter((self._id_of_word.get(word, -1) for word in text), np.int64, len(text))


def ngrams(text: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Return the n-grams of `text` in order, [max(0, len(text) - order + 1)]."""
    return list(zip(*(islice(text, start, None) for start in range(order)), strict=False))


def distinct(texts: Iterable[Sequence[str]], order: int) -> float | None:
    """Return the number of different n-grams over the number of n-grams, which never span two texts."""
    grams = list(chain.from_iterable(ngrams(text, order) for text in texts))
    return share(len(set(grams)), len(grams))


def self_bleu(texts: Sequence[Sequence[str]]) -> float | None:
    """Return the mean BLEU-4 of each text against the others; texts without words are left out."""
    texts = [text for text in texts if text]
    smoothing = SmoothingFunction().method1
    scores = []
    for index, text in enumerate(texts):
        others = [*texts[index + 1 :], *texts[:index]][:MAX_REFERENCES]
        if others:
            scores.append(float(sentence_bleu(others, text, smoothing_function=smoothing)))
    return share(sum(scores), len(scores))


def share(part: float, whole: int) -> float | None:
    """Return `part / whole`, or None for a share of nothing."""
    return part / whole if whole else None


def _normal_form(word: str) -> str:
    return word.lower().replace("\u2019", "'")
