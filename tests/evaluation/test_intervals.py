"""Intervals of scores and differences, over units of the text and training seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from textgen.evaluation.intervals import (
    FIRST_CHARS,
    LAST_CHARS,
    Contrast,
    Estimate,
    MeasuredValue,
    SeedPrior,
    difference,
    estimate,
    holm,
    measured_ratio,
    rate_interval,
)

PRIOR = SeedPrior(0.01, 4, "a test")
NUM_UNITS = 24
NUM_DRAWS = 2000


def sample(rows: NDArray[np.float64], units: str = "text", prior: SeedPrior | None = None) -> MeasuredValue:
    """A sample of equally large units with these values, [number of seeds, number of units]."""
    return measured_ratio(rows * 100, np.full(rows.shape, 100.0), units, range(len(rows)), prior)


def reach(found: Estimate) -> float:
    assert found.interval is not None
    return (found.interval[1] - found.interval[0]) / 2


@given(seed=st.integers(0, 99), num_seeds=st.integers(1, 3), num_units=st.integers(2, 30))
def test_pseudovalues_of_a_ratio_are_those_of_the_ratio_without_each_unit(
    seed: int, num_seeds: int, num_units: int
) -> None:
    generator = np.random.default_rng(seed)
    amounts = generator.gamma(4, 50, (num_seeds, num_units))
    sizes = generator.integers(1, 200, (num_seeds, num_units)).astype(float)
    found = measured_ratio(amounts, sizes, "text", range(num_seeds), None)
    for row in range(num_seeds):
        ratio = amounts[row].sum() / sizes[row].sum()
        assert found.values[row] == pytest.approx(ratio)
        for unit in range(num_units):
            rest = np.arange(num_units) != unit
            without = amounts[row, rest].sum() / sizes[row, rest].sum()
            expected = num_units * ratio - (num_units - 1) * without
            assert found.pseudovalues[row, unit] == pytest.approx(expected)


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_intervals_of_scores_hold_the_truth_in_95_of_100_cases(num_seeds: int) -> None:
    generator = np.random.default_rng(num_seeds)
    held = 0
    for _ in range(NUM_DRAWS):
        # The spread between seeds is drawn from the prior too: a scaled inverse chi-squared variance.
        sd = PRIOR.sd * math.sqrt(PRIOR.degrees_of_freedom / generator.chisquare(PRIOR.degrees_of_freedom))
        text, seeds = generator.normal(0, 0.03, NUM_UNITS), generator.normal(0, sd, (num_seeds, 1))
        own = generator.normal(0, 0.01, (num_seeds, NUM_UNITS))
        interval = estimate(sample(2 + text + seeds + own, prior=PRIOR)).interval
        assert interval is not None
        held += interval[0] <= 2 <= interval[1]
    assert 0.93 <= held / NUM_DRAWS <= 0.97


@pytest.mark.parametrize(("new_seeds", "old_seeds"), [(1, 1), (3, 3), (1, 5)])
@pytest.mark.parametrize("paired", [True, False])
def test_intervals_of_differences_hold_the_truth_in_95_of_100_cases(
    new_seeds: int, old_seeds: int, paired: bool
) -> None:
    generator = np.random.default_rng(new_seeds)
    held, num_clear, num_small = 0, 0, 0
    for _ in range(NUM_DRAWS):
        sides = []
        text = generator.normal(0, 0.1, NUM_UNITS)
        for number in (new_seeds, old_seeds):
            sd = PRIOR.sd * math.sqrt(
                PRIOR.degrees_of_freedom / generator.chisquare(PRIOR.degrees_of_freedom)
            )
            seeds = generator.normal(0, sd, (number, 1))
            if not paired:
                text = generator.normal(0, 0.1, NUM_UNITS)
            sides.append(text + seeds + generator.normal(0, 0.01, NUM_UNITS) + np.zeros((number, NUM_UNITS)))
        found = difference(
            sample(sides[0], prior=PRIOR), sample(sides[1], "text" if paired else "other", prior=PRIOR)
        )
        assert found.interval is not None
        held += found.interval[0] <= 0 <= found.interval[1]
        num_clear += found.is_clear
        num_small += found.p_value < 0.05
    assert 0.93 <= held / NUM_DRAWS <= 0.97
    assert num_clear == num_small == NUM_DRAWS - held


def test_a_difference_on_the_same_passages_has_a_narrower_interval() -> None:
    generator = np.random.default_rng(0)
    hard = generator.normal(2, 0.4, NUM_UNITS)  # how hard each passage is, for both
    old = hard + generator.normal(0, 0.01, (3, NUM_UNITS))
    new = hard - 0.05 + generator.normal(0, 0.01, (3, NUM_UNITS))
    paired, unpaired = difference(sample(new), sample(old)), difference(sample(new), sample(old, "other"))
    assert paired.value == pytest.approx(-0.05, abs=0.005)
    assert unpaired.value == pytest.approx(paired.value)
    assert paired.is_clear
    assert paired.p_value < 0.001
    assert not unpaired.is_clear
    assert unpaired.p_value > 0.05


def test_seeds_are_not_paired() -> None:
    seeds = np.array([[0.0], [0.1], [-0.1]])
    old = np.full((3, NUM_UNITS), 2.0) + seeds
    found = difference(sample(old - 0.01, prior=PRIOR), sample(old, prior=PRIOR))
    assert reach(found) > 0.1


def test_the_variance_between_seeds_is_moderated() -> None:
    values = np.array([[2.0], [2.02], [2.04]]) + np.zeros(NUM_UNITS)  # observed variance 0.02²
    found = sample(values, prior=PRIOR)
    assert found.seed_variance() == pytest.approx((4 * 0.01**2 + 2 * 0.02**2) / 6)
    assert reach(estimate(found)) == pytest.approx(2.4469 * math.sqrt(found.seed_variance() / 3), rel=1e-4)
    assert sample(values[:1], prior=PRIOR).seed_variance() == pytest.approx(0.01**2)
    assert sample(values).seed_variance() == 0


def test_a_run_differs_by_nothing_from_itself() -> None:
    rows = np.random.default_rng(0).normal(2, 0.3, (1, NUM_UNITS))
    found = difference(sample(rows, prior=PRIOR), sample(rows.copy(), prior=PRIOR))
    assert found == Contrast(0.0, (0.0, 0.0), 1.0)
    assert not found.is_clear


@pytest.mark.parametrize("rows", [np.full((3, 1), 2.0), np.array([[2.0, np.nan, 2.0]])])
def test_without_a_variance_over_units_the_interval_is_unknown(rows: NDArray[np.float64]) -> None:
    found = sample(rows, prior=PRIOR)
    assert estimate(found).interval is None
    against = difference(found, sample(rows - 1, prior=PRIOR))
    assert (against.interval, against.p_value, against.is_clear) == (None, 1.0, False)


def test_the_distance_from_the_authors_counts_on_both_sides() -> None:
    generator = np.random.default_rng(0)
    authors = sample(generator.normal(0.9, 0.01, (1, NUM_UNITS)))
    above, below = (sample(authors.pseudovalues + gap, prior=PRIOR) for gap in (0.05, -0.02))
    assert above.distance_from(authors).value == pytest.approx(0.05)
    assert below.distance_from(authors).value == pytest.approx(0.02)
    assert below.distance_from(authors).prior is PRIOR
    closer = difference(below.distance_from(authors), above.distance_from(authors))
    assert closer.value == pytest.approx(-0.03)
    with pytest.raises(ValueError, match="units differ"):
        above.distance_from(sample(authors.pseudovalues, "other"))


def test_p_values_are_adjusted_as_holm_does() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("value", "interval", "cut"),
    [
        (0.998, (0.978, 1.017), (0.978, 1.0)),
        (0.002, (-0.01, 0.014), (0.0, 0.014)),
        (0.5, (0.4, 0.6), (0.4, 0.6)),
        (1.0, None, None),
    ],
)
def test_the_interval_of_a_rate_stays_between_0_and_1(
    value: float, interval: tuple[float, float] | None, cut: tuple[float, float] | None
) -> None:
    assert rate_interval(Estimate(value, interval)) == cut


def test_seeds_differ_less_after_more_training_as_far_as_that_was_measured() -> None:
    prior = SeedPrior(0.01, 4, "a test", decay=0.5)
    read = (FIRST_CHARS / 4, FIRST_CHARS, 4 * FIRST_CHARS, LAST_CHARS, 10 * LAST_CHARS)
    last = 0.01 * (FIRST_CHARS / LAST_CHARS) ** 0.5
    assert [prior.after(chars).sd for chars in read] == pytest.approx([0.02, 0.01, 0.005, last, last])
    assert prior.after(4 * FIRST_CHARS).after(LAST_CHARS).sd == pytest.approx(0.005)
