"""The benchmark of the search counts its own results rightly."""

from __future__ import annotations

import math

import pytest
from optuna.trial import TrialState, create_trial

from textgen_benchmarks.tune_against_random import best_so_far, outcome


def test_the_best_so_far_never_rises_and_skips_what_was_killed() -> None:
    trials = [
        create_trial(state=TrialState.PRUNED),
        create_trial(value=3.0),
        create_trial(state=TrialState.FAIL),
        create_trial(value=4.0),
        create_trial(value=2.0),
    ]
    assert best_so_far(trials) == [math.inf, 3.0, 3.0, 2.0]


def test_wins_are_counted_by_the_last_value() -> None:
    curves = {"tpe": [[3.0, 1.0], [2.0, 2.0], [4.0, 1.0]], "random": [[1.5, 1.5], [2.0, 2.0], [3.0, 3.0]]}
    found = outcome(curves)
    assert (found["num_wins"], found["num_losses"], found["num_ties"]) == (2, 0, 1)
    assert found["share_of_wins"] == 1
    assert found["interval"][0] == pytest.approx(0.342, abs=1e-3)
    assert found["mean_gain"] == pytest.approx((0.5 + 0 + 2) / 3)
    assert outcome({"tpe": [[1.0]], "random": [[1.0]]})["interval"] is None
