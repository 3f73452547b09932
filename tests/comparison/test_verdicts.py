"""Entries are ranked by their scores; what is called clear accounts for passages, seeds and many entries."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.reports import compared, entry, metrics
from textgen.evaluation.intervals import SHIPPED_PRIORS, MeasuredValue, difference, measured_ratio
from textgen.experiment.entry_result import EntryResult
from textgen.results.comparison import Comparison
from textgen.results.judge import judge, rank_entries
from textgen.results.row import rows_by_entry
from textgen.runtime.storage.json_records import from_values, to_json

SIZES = np.full(24, 500.0)
NOISE = np.random.default_rng(0).gamma(4, 250, 24)
"""Bits of 24 stretches of 500 characters."""


def sample(*bits: NDArray[np.float64], is_trained: bool = False) -> MeasuredValue:
    """The score of an entry by each of its seeds."""
    prior = SHIPPED_PRIORS["bits_per_char"] if is_trained else None
    return measured_ratio(np.array(bits), np.tile(SIZES, (len(bits), 1)), "text", range(len(bits)), prior)


def own_noise(number: int) -> NDArray[np.float64]:
    """Bits that one entry alone needs more or less."""
    return np.random.default_rng(number).normal(0, 25, 24)


def clear_metrics(found: Comparison) -> set[tuple[str, str]]:
    return {(each.name, each.metric) for each in found.metrics if each.is_best}


def test_differences_are_paired_and_against_the_best() -> None:
    samples = {"worse": sample(NOISE + 50), "best": sample(NOISE), "same": sample(NOISE.copy())}
    scores, differences = rank_entries(samples)
    assert [score.name for score in scores] == ["best", "same", "worse"]
    by_name = {difference.b: difference for difference in differences}
    assert {difference.a for difference in differences} == {"best"}
    assert by_name["worse"].bits_per_char == pytest.approx(0.1)
    assert by_name["worse"].interval == pytest.approx((0.1, 0.1))  # the noise that both share drops out
    assert by_name["worse"].is_clear
    assert (by_name["same"].bits_per_char, by_name["same"].interval) == (0.0, (0.0, 0.0))
    assert not by_name["same"].is_clear
    assert not any(score.is_best for score in scores)


def test_a_difference_that_is_one_of_many_needs_a_smaller_p_value_to_be_clear() -> None:
    samples = {f"other{index}": sample(NOISE + 14 + own_noise(index)) for index in range(1, 9)}
    samples["best"] = sample(NOISE)
    alone = {name: difference(samples[name], samples["best"]).p_value for name in samples if name != "best"}
    adjusted = {each.b: each for each in rank_entries(samples)[1]}
    assert all(adjusted[name].p_value >= p_value for name, p_value in alone.items())
    chance = [name for name, p_value in alone.items() if p_value < 0.05 and not adjusted[name].is_clear]
    assert chance
    (only,) = rank_entries({name: samples[name] for name in (chance[0], "best")})[1]
    assert only.is_clear
    assert only.p_value == pytest.approx(alone[chance[0]])


def test_the_best_is_marked_only_if_every_other_entry_is_clearly_worse() -> None:
    far, near = sample(NOISE + 50), sample(NOISE + 1 + own_noise(1))
    assert [each.is_best for each in rank_entries({"far": far, "best": sample(NOISE)})[0]] == [True, False]
    scores, differences = rank_entries({"far": far, "near": near, "best": sample(NOISE)})
    assert {each.b: each.is_clear for each in differences} == {"far": True, "near": False}
    assert not any(each.is_best for each in scores)


def test_an_entry_is_not_ranked_if_one_of_its_runs_has_a_problem() -> None:
    found = compared(
        entry("a", 2.0), entry("b", 2.1), entry("cheat", 0.1), entry("cheat", 0.1, 1, problem="it peeks")
    )
    assert [score.name for score in found.scores] == ["a", "b"]
    assert found.scores[0].is_best


def written(**values: float) -> list[dict[str, Any]]:
    """Entries whose rate of real words has these values; that of the held-out text is 97.8 %."""
    return [entry(name, 2.0, written={"real_word_rate": rate}) for name, rate in values.items()]


def test_the_metric_that_is_clearly_closest_to_the_held_out_text_is_marked() -> None:
    assert clear_metrics(compared(*written(a=0.97, b=0.90))) == {("a", "real_word_rate")}
    assert clear_metrics(compared(*written(a=0.97, b=0.96))) == set()
    assert clear_metrics(compared(*written(a=0.97, b=0.90, c=0.969))) == set()
    assert clear_metrics(compared(*written(a=0.97))) == set()


def test_a_metric_that_an_entry_lacks_is_not_compared() -> None:
    rows = written(a=0.97, b=0.90)
    rows[1]["sample_metrics"] = metrics(2.0, real_word_rate=None)  # type: ignore[arg-type]
    del rows[1]["metric_pseudovalues"]["real_word_rate"]
    found = compared(*rows)
    assert [each.name for each in found.metrics if each.metric == "real_word_rate"] == ["a"]
    assert clear_metrics(found) == set()


def test_verdicts_follow_from_the_saved_rows() -> None:
    rows = [entry("a", 2.0), entry("a", 2.02, 1), entry("b", 2.1), entry("c", 2.3, problem="it peeks")]
    found = compared(*rows, {"name": "gru", "seed": 0, "error": "loss is nan"})
    again = from_values(Comparison, json.loads(to_json(found)))
    saved = [row for row in again.entries if isinstance(row, EntryResult)]
    verdicts = judge(rows_by_entry(saved, again.scored_on), again.held_out, again.seed_priors)
    assert (verdicts.scores, verdicts.differences, verdicts.metrics) == (
        found.scores,
        found.differences,
        found.metrics,
    )
