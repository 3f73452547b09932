"""Intervals, paired differences and the scores that need no model."""

from __future__ import annotations

import bz2
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from textgen.evaluation.baselines import reference_scores
from textgen.evaluation.bootstrap import segment_size, segment_sizes
from textgen.evaluation.estimates import estimate, text_sample


def bits_of(num_chars: int, seed: int = 0) -> NDArray[np.float64]:
    """Bits of each segment of a text, 2 per character on average."""
    size = segment_size(num_chars)
    return np.random.default_rng(seed).gamma(4, size / 2, math.ceil(num_chars / size))


def interval(bits: NDArray[np.float64], num_chars: int) -> tuple[float, float]:
    return estimate(text_sample([bits], num_chars, "text")).interval


@pytest.mark.parametrize(
    ("num_chars", "size"), [(1, 1), (39, 1), (400, 10), (20_000, 500), (10**6, 500), (10**6 + 1, 501)]
)
def test_segments_have_500_characters_unless_that_makes_too_few_or_too_many(
    num_chars: int, size: int
) -> None:
    assert segment_size(num_chars) == size
    assert segment_sizes(num_chars).sum() == num_chars
    assert set(segment_sizes(num_chars)[:-1]) <= {size}


@given(num_chars=st.integers(1, 30_000), seed=st.integers(0, 99))
def test_the_interval_contains_the_score(num_chars: int, seed: int) -> None:
    bits = bits_of(num_chars, seed)
    low, high = interval(bits, num_chars)
    assert low <= bits.sum() / num_chars <= high
    assert (low, high) == interval(bits, num_chars)


def test_the_interval_is_that_of_the_mean_of_the_segments() -> None:
    bits = bits_of(500_000)
    low, high = interval(bits, 500_000)
    standard_error = bits.std() / 500 / math.sqrt(len(bits))
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_the_interval_shrinks_with_the_length_of_the_text() -> None:
    widths = [high - low for low, high in (interval(bits_of(n), n) for n in (20_000, 320_000))]
    assert 2.5 < widths[0] / widths[1] < 6  # by the root of 16


def test_a_text_of_equal_segments_has_no_spread_although_the_last_one_is_shorter() -> None:
    bits = np.array([*[20.0] * 40, 2.0])  # 40 segments of 10 characters and one of a single character
    assert interval(bits, 401) == pytest.approx((2.0, 2.0))


def test_reference_scores(news: str) -> None:
    train, test = news[:20_000], news[20_000:22_000] + "é"
    scores = {row.name: row.bits_per_char for row in reference_scores(train, test)}
    sizes = [len(bz2.compress(text.encode())) for text in (train, train + test)]
    assert scores["uniform"] == math.log2(len(set(train)))
    assert scores["bz2 given train"] == 8 * (sizes[1] - sizes[0]) / 2001
    assert 1 < scores["xz given train"] < scores["uniform"]
    again = {row.name: row.bits_per_char for row in reference_scores(train, train[:5000])}
    assert again["xz given train"] < 0.1  # what the training text holds costs next to nothing
