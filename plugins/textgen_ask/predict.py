"""Scores to expect, by least squares over recorded runs (benchmarks/results/advice.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, log2
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgen.reports.document import DASH
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen_ask.facts import HELD_OUT_CHARS, PROBE_CHARS, Facts

TABLE = Path(__file__).with_name("table.json")
RIDGE = 0.03
"""Penalty on the squared coefficients of standardized features, except the constant."""
FADING = 0.9
"""The worth of a doubling of the text, as a share of that of the one before: an assumption."""
Z = 1.645
"""Standard deviations on both sides of the mean within which 90 % of a normal distribution are."""
MAX_LEVERAGE = 1.0
"""The leverage from which on a text is called unlike the recorded ones."""
FEATURES = (
    "the score of word n-grams",
    "the gain of a network over words",
    "the gain of a network over characters",
    "the score of character n-grams beside that of word n-grams",
    "the worth of more text",
    "its length",
    "its length for the pace of this machine",
)


class Expected(NamedTuple):
    """A value, and its interval of 90 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}{DASH}{self.high:.2f})"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Least squares of the logarithm of the validation score of an entry, on standardized features."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """The mean and the standard deviation of each feature."""
    coefficients: tuple[float, ...]
    """The constant first."""
    inverse: tuple[tuple[float, ...], ...]
    """The covariance of the coefficients, as a share of the variance of the residuals."""
    sd: float
    """The standard deviation of the residuals of texts that were left out, without their leverage."""
    real_words: Expected
    """The share of real words in what it writes about English texts: the median, and the middle 90 %."""

    def expect(self, row: NDArray[np.float64]) -> tuple[float, float]:
        """Return the logarithm of a score, and the leverage of its features."""
        x = np.concatenate([[1.0], (row - np.array(self.mean)) / np.array(self.scale)])
        return float(x @ np.array(self.coefficients)), float(x @ np.array(self.inverse) @ x)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The fit of the entry of each level."""

    schema_version: int = SCHEMA_VERSION
    fits: Mapping[str, Fit]

    def expect(self, level: str, facts: Facts, seconds: float, times: float = 1.0) -> Expected:
        """Return the score to expect on the test part after some time, if the text is `times` as long.

        Its interval covers texts, and which passages of the text are in the test part.
        """
        found = self.fits[level]
        mean, leverage = found.expect(features(facts, level, seconds, times))
        scored = min(HELD_OUT_CHARS, facts.text.split.validation.num_chars)
        passages = facts.sd**2 * (1 + scored / facts.num_test_chars)
        spread = Z * (found.sd**2 * (1 + leverage) + passages) ** 0.5
        return Expected(exp(mean), exp(mean - spread), exp(mean + spread))

    def unlike(self, level: str, facts: Facts) -> str:
        """Return the feature in which a text differs most from the recorded ones; empty if none is far."""
        found, row = self.fits[level], features(facts, level, 60)
        if found.expect(row)[1] < MAX_LEVERAGE:
            return ""
        return FEATURES[int(np.argmax(abs(row - np.array(found.mean)) / np.array(found.scale)))]


def read_table() -> Table:
    """Return the table that textgen has."""
    return read_record(Table, TABLE)


def features(facts: Facts, level: str, seconds: float, times: float = 1.0) -> NDArray[np.float64]:
    """Return the features of a run that is trained for some time, in the order of `FEATURES`."""
    longer = log2(times)
    gained = facts.gain * (1 - FADING**longer) / (1 - FADING)
    chars = facts.num_chars * times
    return np.array(
        [
            log(facts.full_bits) - gained,
            *(log(bits / facts.word_bits) for bits in facts.probe_bits.values()),
            log(facts.char_bits / facts.word_bits),
            facts.gain * FADING**longer,
            log2(chars / PROBE_CHARS),
            log2(seconds * facts.chars_per_second[level] / chars),
        ]
    )


Known = tuple[str, NDArray[np.float64], float, float | None]
"""A recorded run: the text, the features, the score, the share of real words."""


def fit(runs: Sequence[Known]) -> Fit:
    """Return the fit of the runs of an entry: ridge regression with a small penalty."""
    texts, rows, scores, shares = zip(*runs, strict=True)
    x, y = np.array(rows), np.log(scores)
    mean, scale = x.mean(0), x.std(0)
    design = np.column_stack([np.ones(len(x)), (x - mean) / scale])
    penalty = RIDGE * np.diag([0.0, *np.ones(x.shape[1])])

    def solved(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        used = design[chosen]
        inverse = np.linalg.inv(used.T @ used + penalty)
        return inverse @ used.T @ y[chosen], inverse

    residuals = np.zeros(len(y))
    for text in set(texts):
        left_out = np.array([each == text for each in texts])
        coefficients, inverse = solved(~left_out)
        leverage = np.einsum("ij,jk,ik->i", design[left_out], inverse, design[left_out])
        residuals[left_out] = (y[left_out] - design[left_out] @ coefficients) / np.sqrt(1 + leverage)
    coefficients, inverse = solved(np.ones(len(y), bool))
    known = [each for each in shares if each is not None]
    return Fit(
        mean=tuple(mean),
        scale=tuple(scale),
        coefficients=tuple(coefficients),
        inverse=tuple(map(tuple, inverse)),
        sd=float(np.sqrt(np.mean(residuals**2))),
        real_words=Expected(*map(float, np.quantile(known, [0.5, 0.05, 0.95]))),
    )
