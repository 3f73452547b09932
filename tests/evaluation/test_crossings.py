"""The budget from which on one entry is ahead of another: convex between budgets, with an honest interval."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from helpers.catalog import RECORDED
from textgen.evaluation.crossings import between, crossing, fitted_powers, lead_begins
from textgen.evaluation.intervals import MeasuredValue, SeedPrior
from textgen.results.judge import score_sample
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget

CROSSING_PRIOR = SeedPrior(0.008, 4.0, "a test")
AMOUNTS = [15.0, 60.0, 240.0]


def measured(value: float, noise: np.ndarray, prior: SeedPrior | None = CROSSING_PRIOR) -> MeasuredValue:
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
    prior = CROSSING_PRIOR if has_seeds else None
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


def power_law(power: float, amounts: list[float]) -> np.ndarray:
    """Scores that fall from 2.2 at 15 to 1.8 at 240."""
    shape = np.array(amounts) ** -power
    return 1.8 + 0.4 * (shape - 240.0**-power) / (15.0**-power - 240.0**-power)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.9])
def test_between_two_budgets_a_score_falls_by_the_power_that_suits_all(power: float) -> None:
    values = power_law(power, AMOUNTS)[None]
    assert fitted_powers(np.log(AMOUNTS), values) == pytest.approx([power], abs=0.03)
    fine = np.exp(between(np.log(AMOUNTS), np.log([AMOUNTS]), np.zeros(1)))[0]
    drawn = between(np.log(AMOUNTS), values, np.array([power]))[0]
    assert drawn == pytest.approx(power_law(power, fine.tolist()), abs=1e-6)


@pytest.mark.parametrize("amounts", [[15.0, 240.0], AMOUNTS])
@pytest.mark.parametrize("level", [1.9, 2.0, 2.1])
def test_a_convex_curve_crosses_a_level_where_it_is_and_not_where_its_chord_does(
    amounts: list[float], level: float
) -> None:
    fine = np.geomspace(15, 240, 1000)
    true = fine[power_law(0.5, fine.tolist()) < level][0]
    noise = np.random.default_rng(3).normal(0, 0.02, 24)
    falls = [measured(value, noise) for value in power_law(0.5, amounts)]
    begins, interval = crossing(amounts, [measured(level, noise, None)] * len(amounts), falls)
    chord = lead_begins([15.0, 240.0], np.array([[level - 2.2, level - 1.8]]))[0]
    assert begins == pytest.approx(true, rel=0.03 if len(amounts) > 2 else 0.1)
    assert chord > 1.3 * true
    assert interval is not None
    assert interval[0] < true < interval[1]


def test_two_budgets_leave_open_how_a_score_falls_between_them() -> None:
    quiet = np.random.default_rng(4).normal(0, 1e-4, 24)
    level = [measured(2.0, quiet, None)] * 2
    _, interval = crossing([15.0, 240.0], level, [measured(value, quiet, None) for value in (2.2, 1.8)])
    assert interval == (pytest.approx(28, rel=0.05), pytest.approx(59, rel=0.05))  # 1 / n, and the chord


def test_recorded_ladders_without_their_inner_rung_have_it_in_the_interval_and_no_bias() -> None:
    """A pair of curves, one shifted so that they cross exactly at the inner rung, which is left out."""
    late: list[tuple[float, float]] = []
    for name in ("ladder-wiki", "ladder-austen"):
        ladder = read_record(Ladder, RECORDED / f"{name}.json")
        prior = ladder.seed_priors["bits_per_char"]
        runs = {(rung.entry, rung.budget): rung.runs for rung in ladder.rungs}
        samples = {place: sample for place, rows in runs.items() if (sample := score_sample(rows, prior))}
        curves = {each: [samples[each, budget] for budget in ladder.budgets] for each in ladder.entries}
        first, inner, last = (parse_budget(budget).amount for budget in ladder.budgets)
        for ahead, behind in permutations(curves.values(), 2):
            shift = ahead[1].value - behind[1].value
            shifted = [replace(each, values=each.values + shift) for each in behind]
            leads = [other.value - each.value for each, other in zip(ahead, shifted, strict=True)]
            if leads[0] < -0.004 and leads[2] > 0.004:
                begins, interval = crossing([first, last], shifted[::2], ahead[::2])
                assert interval is not None
                assert interval[0] <= inner <= interval[1]
                chord = lead_begins([first, last], np.array([leads[::2]]))[0]
                late.append((math.log2(chord / inner), math.log2(begins / inner)))
    of_chord, of_curve = np.mean(late, axis=0)
    assert len(late) >= 9
    assert of_chord > 0.3  # doublings of the budget
    assert abs(of_curve) < 0.15
