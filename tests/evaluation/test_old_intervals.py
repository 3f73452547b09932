"""Intervals of scores and differences, over passages and random seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from textgen.evaluation.old_intervals import (
    RatioSample,
    difference,
    estimate,
    segment_size,
    segment_sizes,
    text_sample,
)


def bits_of(num_chars: int, seed: int = 0) -> NDArray[np.float64]:
    """Bits of each segment of a text, 2 per character on average."""
    size = segment_size(num_chars)
    return np.random.default_rng(seed).gamma(4, size / 2, math.ceil(num_chars / size))


def interval(bits: NDArray[np.float64], num_chars: int) -> tuple[float, float]:
    return estimate(text_sample({0: bits}, num_chars, "text")).interval


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


def sample(rows: np.ndarray, units: str = "text", seeds: Sequence[int] = ()) -> RatioSample:
    return RatioSample(rows, np.full(rows.shape, 100.0), units, tuple(seeds or range(len(rows))))


def test_a_difference_on_the_same_passages_has_a_narrower_interval() -> None:
    generator = np.random.default_rng(0)
    hard = generator.normal(200, 40, 60)  # how hard each passage is, for both
    old = hard + generator.normal(0, 1, (3, 60))
    new = hard - 5 + generator.normal(0, 1, (3, 60))
    paired, unpaired = difference(sample(new), sample(old)), difference(sample(new), sample(old, "other"))
    assert paired.value == pytest.approx(-0.05, abs=0.005)
    assert unpaired.value == pytest.approx(paired.value)
    assert paired.interval[0] < -0.05 < paired.interval[1] < 0
    assert paired.is_clear
    assert not unpaired.is_clear


def effects_of_seeds() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bits of four seeds, [4, 60], that depend more on the seed than on which of two models it is."""
    generator = np.random.default_rng(0)
    old = generator.normal(200, 5, 60) + np.array([[0.0], [10.0], [-10.0], [5.0]])
    return old - 1 + generator.normal(0, 0.1, (4, 60)), old + generator.normal(0, 0.1, (4, 60))


def test_a_difference_is_that_of_the_seeds_which_both_have() -> None:
    new, old = effects_of_seeds()
    whole = difference(sample(new), sample(old))
    partial = difference(sample(new[[0, 1, 2]], seeds=[0, 1, 2]), sample(old[[1, 2, 3]], seeds=[1, 2, 3]))
    assert partial == difference(sample(new[[1, 2]]), sample(old[[1, 2]]))
    for each in (whole, partial):
        assert each.value == pytest.approx(-0.01, abs=0.0005)
        assert each.is_clear


@pytest.mark.parametrize("seeds", [(1, 2), (2, 3)])
def test_a_difference_with_fewer_than_two_seeds_in_common_is_not_paired_by_seed(
    seeds: tuple[int, int],
) -> None:
    new, old = effects_of_seeds()
    found = difference(sample(new[[0, 1]], seeds=[0, 1]), sample(old[list(seeds)], seeds=seeds))
    assert not found.is_clear
    assert found.interval[1] - found.interval[0] > 0.2  # wide, as the seeds are


def test_samples_are_compared_by_identity() -> None:
    one, other = sample(np.ones((2, 3))), sample(np.ones((2, 3)))
    assert one != other
    assert len({one, other, one}) == 2


@pytest.mark.slow
def test_intervals_contain_the_truth_in_about_95_of_100_cases() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        seeds = generator.normal(0, 3, (3, 1))  # what a seed adds to every passage
        effect = estimate(sample(200 + seeds + generator.normal(0, 20, (1, 80)) + np.zeros((3, 80))))
        held += effect.interval[0] <= 2.0 <= effect.interval[1]
    assert 180 <= held <= 199


def test_differing_seeds_widen_an_interval_and_a_single_one_does_not() -> None:
    generator = np.random.default_rng(2)
    blocks = generator.normal(200, 5, 80)
    calm = estimate(sample(np.stack([blocks, blocks + 0.1, blocks - 0.1])))
    wild = estimate(sample(np.stack([blocks, blocks + 10, blocks - 10])))
    one = estimate(sample(blocks[None]))
    widths = [each.interval[1] - each.interval[0] for each in (wild, calm, one)]
    assert widths[0] > 5 * widths[1]
    assert widths[2] == pytest.approx(widths[1], rel=0.1)


@pytest.mark.parametrize(
    ("num_chars", "size"), [(1, 1), (39, 1), (400, 10), (20_000, 500), (10**6, 500), (10**6 + 1, 501)]
)
def test_segments_have_500_characters_unless_that_makes_too_few_or_too_many(
    num_chars: int, size: int
) -> None:
    assert segment_size(num_chars) == size
    assert segment_sizes(num_chars).sum() == num_chars
    assert set(segment_sizes(num_chars)[:-1]) <= {size}
