"""The metrics of generated text: what each is for its readers, and how it follows from samples.

To add one, add a function with `@metric`: its value, intervals and columns follow. A plugin of the kind
`metric` adds one, too: the mean of a number for each sample (see `textgen.evaluation.plugin_metrics`).

Compare them only between samples of one fixed length: distinct-n and repetition depend on length.

Self-BLEU (Zhu et al. 2018, arXiv:1802.01886) says how much samples resemble each other. BLEU-4 is that of
Papineni et al. (2002), smoothed by method 1 of Chen and Cherry (2014), as in Texygen; sacrebleu's default
smoothing gives up to 1.7 times as much. It is written here because importing NLTK, whose values it equals,
takes longer than the process of a small entry does.

Intervals of metrics come from jackknife pseudo-values: what each sample contributes (see `intervals`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from textgen.evaluation.intervals import jackknife
from textgen.runtime.storage.json_records import check_lengths, check_names

TextMetrics: TypeAlias = dict[str, int | float | None]
"""Values of metrics of samples by their names; None stands for a share of nothing."""
PERCENT = "%"
"""The unit of shares."""
LETTERS = "real_word_letters"
"""Beside the metrics: the least letters of the words that count as real or not, since shorter strings are
often words by chance. It is missing in older results, where all words counted."""


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is, for those who read its values."""

    name: str
    label: str
    """Its name in the headers of tables."""
    hint: str
    """One line on what it is."""
    unit: str = PERCENT
    """`PERCENT` for values from 0 to 1; otherwise what is counted, or nothing."""
    best: Literal["author", "higher", "lower"] | None = "author"
    """The best value: the closest to that of the author's text, the highest or the lowest. None if values are
    not compared."""
    source: str = ""
    """The plugin that it is from, with its version; empty for textgen's own."""
    problem: str | None = None
    """Why it measured nothing."""


@dataclass(frozen=True)
class Share:
    """A share of counts over all samples, and what both counts lose without each sample."""

    part: float
    whole: float
    lost_parts: Sequence[float]
    lost_wholes: Sequence[float]

    @classmethod
    def of_sums(cls, parts: Sequence[float], wholes: Sequence[float]) -> Share:
        return cls(sum(parts), sum(wholes), parts, wholes)

    @classmethod
    def mean(cls, values: Sequence[float | None]) -> Share:
        """Return the mean of the values of samples, without those that have none."""
        return cls.of_sums([value or 0.0 for value in values], [float(value is not None) for value in values])

    @property
    def value(self) -> float | None:
        """The share, or None for a share of nothing."""
        return share(self.part, self.whole)

    def pseudovalues(self) -> tuple[float, ...] | None:
        """Return the jackknife pseudo-values, or None if the share is undefined without some sample."""
        parts, wholes = self.part - np.array(self.lost_parts), self.whole - np.array(self.lost_wholes)
        if self.value is None or not wholes.all():
            return None
        return tuple(jackknife(self.value, parts / wholes).tolist())


@dataclass(frozen=True)
class MeasuredText:
    """The metrics of samples, and what each sample contributes to them."""

    metrics: TextMetrics
    pseudovalues: dict[str, tuple[float, ...]]
    """Jackknife pseudo-values of each metric that has intervals, [number of samples].

    A metric is missing if it has no value, or none without one of the samples."""

    @classmethod
    def of(cls, values: Mapping[str, Share | int | float | None]) -> MeasuredText:
        """Return the values of metrics; of shares with their pseudo-values."""
        metrics = {name: each.value if isinstance(each, Share) else each for name, each in values.items()}
        pseudovalues = {name: each.pseudovalues() for name, each in values.items() if isinstance(each, Share)}
        return cls(metrics, {name: each for name, each in pseudovalues.items() if each})

    def __or__(self, other: MeasuredText) -> MeasuredText:
        return MeasuredText(self.metrics | other.metrics, self.pseudovalues | other.pseudovalues)

    def check(self) -> None:
        """Raise `ValueError` if the metrics and their pseudo-values contradict each other."""
        check_pseudovalues(self.pseudovalues, self.metrics)


def check_pseudovalues(pseudovalues: Mapping[str, Sequence[float]], metrics: TextMetrics | None) -> None:
    """Raise `ValueError` unless pseudo-values, as many of each metric, are those of metrics with a value."""
    known = [name for name, value in (metrics or {}).items() if value is not None]
    check_names("pseudovalues", pseudovalues, known)
    check_lengths("pseudovalues", *pseudovalues.values())
    if not all(pseudovalues.values()):
        raise ValueError("pseudovalues: none of a metric")


@dataclass(frozen=True, kw_only=True)
class Written:
    """Samples as metrics see them. They are lists of words, without a last one that may be cut off."""

    texts: Sequence[Sequence[str]]
    """The words of each."""
    real: Sequence[Sequence[bool]]
    """Whether the words of each are real, without those that are too short to tell."""
    known: Sequence[Sequence[bool]]
    """Whether the training text has the word 4-grams of each."""
    longest_copy: int
    """Characters of the longest span of any that is in the training text."""


@dataclass(frozen=True)
class Metric(MetricInfo):
    """One of textgen's own metrics."""

    measure: Callable[[Written], Share | int | float | None] = field(kw_only=True)


METRICS = dict[str, Metric]()
"""Textgen's own metrics, by their names."""
Measure = TypeVar("Measure", bound=Callable[[Written], Share | int | float | None])


def metric(name: str, label: str, **more: Any) -> Callable[[Measure], Measure]:
    """Make a function a metric; the first line of its docstring is the hint."""

    def add(measure: Measure) -> Measure:
        hint = str(measure.__doc__).partition("\n")[0].removeprefix("Return the ").rstrip(".;")
        METRICS[name] = Metric(name, label, hint, **more, measure=measure)
        return measure

    return add


@metric("real_word_rate", "real words")
def real_words(written: Written) -> Share:
    """Return the share of words that are in the training text or a lexicon.

    They are there in lower case, perhaps without a clitic or an elision; those with enough letters count.
    """
    return Share.of_sums(list(map(sum, written.real)), list(map(len, written.real)))


@metric("distinct_1", "distinct-1")
def distinct_words(written: Written) -> Share:
    """Return the share of distinct words among all words."""
    return distinct(written.texts, 1)


@metric("distinct_2", "distinct-2")
def distinct_pairs(written: Written) -> Share:
    """Return the share of distinct pairs of neighbouring words; higher is more varied.

    Li et al. 2016 (arXiv:1510.03055) divide by the number of words, which gives about 1 % less.
    """
    return distinct(written.texts, 2)


@metric("repetition_4", "repetition")
def repetition(written: Written) -> Share:
    """Return the share of four-word sequences that occurred earlier in the same text."""
    grams = [ngrams(text, 4) for text in written.texts]
    return Share.of_sums([len(each) - len(set(each)) for each in grams], list(map(len, grams)))


@metric("self_bleu", "self BLEU")
def likeness(written: Written) -> Share:
    """Return the mean similarity of samples to each other; 0 is none."""
    return Share.mean(self_bleu(written.texts))


@metric("novel_4gram_rate", "novel 4-grams")
def novelty(written: Written) -> Share:
    """Return the share of four-word sequences that are not in the training text."""
    return Share.of_sums([each.count(False) for each in written.known], list(map(len, written.known)))


@metric("longest_verbatim_span", "verbatim span", unit="", best=None)
def longest_copy(written: Written) -> int:
    """Return the length of the longest span copied from the training text, in characters."""
    return written.longest_copy


CLOSEST = tuple(name for name, metric in METRICS.items() if metric.best == "author")
"""Those of which the best is the closest to the author's: shares, so that distances can be averaged."""


def distinct(texts: Sequence[Sequence[str]], order: int) -> Share:
    """Return the number of different n-grams over the number of n-grams, which never span two texts."""
    grams = [ngrams(text, order) for text in texts]
    different = [set(each) for each in grams]
    num_texts = Counter(chain.from_iterable(different))
    only_here = [sum(num_texts[gram] == 1 for gram in each) for each in different]
    num_grams = [len(each) for each in grams]
    return Share(len(num_texts), sum(num_grams), only_here, num_grams)


def share(part: float, whole: float) -> float | None:
    """Return `part / whole`, or None for a share of nothing."""
    return part / whole if whole else None


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
