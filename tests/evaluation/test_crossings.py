"""The budget from which on one value is the smaller one, on data with a known crossing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from textgen.evaluation.intervals import MeasuredValue, SeedPrior, crossing, lead_begins

PRIOR = SeedPrior(0.008, 4.0, "a test")
AMOUNTS = [15.0, 60.0, 240.0]


def measured(value: float, noise: np.ndarray, prior: SeedPrior | None = PRIOR) -> MeasuredValue:
    """A value by one seed, with what each unit contributes."""
    return MeasuredValue(np.array([value]), (value + noise - noise.mean())[None], "text", (0,), prior)


@pytest.mark.parametrize(
    ("differences", "begins"),
    [
        ([-0.1, 0.1, 0.2], 30.0),  # halfway in the logarithm
        ([-0.3, 0.1, 0.2], 15 * 4**0.75),
        ([0.1, 0.1, 0.2], 0.0),
        ([0.1, -0.1, 0.1], 120.0),  # the last time that it passes
        ([0.2, 0.1, -0.1], math.inf),
    ],
)
def test_a_lead_begins_where_the_difference_was_last_zero(differences: list[float], begins: float) -> None:
    assert lead_begins(AMOUNTS, np.array([differences])) == pytest.approx([begins])


def test_hard_passages_that_both_share_do_not_widen_the_interval() -> None:
    hard, own = np.random.default_rng(0).normal(0, [[1.0], [0.01]], (2, 24))
    slow = [measured(2 - 0.1 * step, hard, None) for step in range(3)]
    fast = [measured(2.1 - 0.3 * step, hard + own, None) for step in range(3)]
    begins, interval = crossing(AMOUNTS, slow, fast)
    assert begins == pytest.approx(15 * 4**0.5)
    assert interval is not None
    assert 26 < interval[0] < begins < interval[1] < 34


@pytest.mark.parametrize("has_seeds", [False, True])
def test_the_interval_covers_the_true_crossing_in_most_repetitions(has_seeds: bool) -> None:
    random, covered = np.random.default_rng(1), 0
    prior = PRIOR if has_seeds else None
    for _ in range(100):
        hard, own = random.normal(0, [[0.1], [0.05]], (2, 24))
        slow, fast = [], []
        for step in range(3):
            shift = random.normal(0, 0.008, 2) if has_seeds else (0.0, 0.0)
            slow.append(measured(2 - 0.02 * step + hard.mean() + shift[0], hard, prior))
            noise = hard + own
            fast.append(measured(2.02 - 0.06 * step + noise.mean() + shift[1], noise, prior))
        _, interval = crossing(AMOUNTS, slow, fast)
        assert interval is not None
        covered += interval[0] <= 30 <= interval[1]
    assert 88 <= covered <= 100


def test_an_end_of_the_interval_may_be_beyond_all_budgets() -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, 24)
    calm = [measured(2.0, np.zeros(24))] * 3
    unsure = [measured(value, noise) for value in (2.001, 1.999, 1.999)]
    assert crossing(AMOUNTS, calm, unsure)[1] == (0.0, math.inf)
    assert crossing(AMOUNTS, calm, [measured(1.5, noise)] * 3) == (0.0, (0.0, 0.0))


def test_a_single_unit_has_no_interval() -> None:
    one, other = (measured(value, np.zeros(1)) for value in (2.0, 1.9))
    assert crossing(AMOUNTS, [one] * 3, [other] * 3) == (0.0, None)
