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
from textgen.evaluation.bootstrap import Bootstrap, block_size, differences


def blocks_of(num_chars: int, seed: int = 0) -> NDArray[np.float64]:
    """Bits of each block of a text, 2 per character on the average."""
    size = block_size(num_chars)
    num_blocks = math.ceil(num_chars / size)
    return np.random.default_rng(seed).gamma(4, size / 2, num_blocks)


@pytest.mark.parametrize(
    ("num_chars", "size"), [(1, 1), (39, 1), (400, 10), (20_000, 500), (10**6, 500), (10**6 + 1, 501)]
)
def test_blocks_have_500_characters_unless_that_makes_too_few_or_too_many(num_chars: int, size: int) -> None:
    assert block_size(num_chars) == size


@given(num_chars=st.integers(1, 30_000), seed=st.integers(0, 99))
def test_the_interval_contains_the_score(num_chars: int, seed: int) -> None:
    bits = blocks_of(num_chars, seed)
    low, high = Bootstrap(num_chars).interval(bits)
    assert low <= bits.sum() / num_chars <= high
    assert [low, high] == Bootstrap(num_chars).interval(bits)


def test_the_interval_is_that_of_the_mean_of_the_blocks() -> None:
    bits = blocks_of(500_000)
    low, high = Bootstrap(500_000).interval(bits)
    standard_error = bits.std() / 500 / math.sqrt(len(bits))
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_the_interval_shrinks_with_the_length_of_the_text() -> None:
    widths = [high - low for low, high in (Bootstrap(n).interval(blocks_of(n)) for n in (20_000, 320_000))]
    assert 2.5 < widths[0] / widths[1] < 6  # by the root of 16


def test_a_text_of_equal_blocks_has_no_spread_although_the_last_one_is_shorter() -> None:
    bits = np.array([*[20.0] * 40, 2.0])  # 40 blocks of 10 characters and one of a single character
    assert Bootstrap(401).interval(bits) == pytest.approx([2.0, 2.0])


def test_differences_are_paired_and_against_the_best() -> None:
    noise = blocks_of(20_000)
    entries = {"worse": noise + 50, "best": noise, "same": noise.copy()}
    worse, same = differences(entries, 20_000)
    assert (worse["a"], worse["b"], same["a"], same["b"]) == ("best", "worse", "best", "same")
    assert worse["bits_per_char"] == pytest.approx(0.1)
    assert worse["interval"] == pytest.approx([0.1, 0.1])  # the noise that both share drops out
    assert (same["bits_per_char"], same["interval"]) == (0.0, [0.0, 0.0])


def test_fewer_than_two_entries_have_no_difference() -> None:
    assert differences({}, 100) == []
    assert differences({"only": blocks_of(100)}, 100) == []


def test_reference_scores(news: str) -> None:
    train, test = news[:20_000], news[20_000:22_000] + "é"
    scores = {row["name"]: row["bits_per_char"] for row in reference_scores(train, test)}
    sizes = [len(bz2.compress(text.encode())) for text in (train, train + test)]
    assert scores["uniform"] == math.log2(len(set(train)))
    assert scores["bz2 given train"] == 8 * (sizes[1] - sizes[0]) / 2001
    assert 1 < scores["xz given train"] < scores["uniform"]
    again = {row["name"]: row["bits_per_char"] for row in reference_scores(train, train[:5000])}
    assert again["xz given train"] < 0.1  # what the training text holds costs next to nothing
