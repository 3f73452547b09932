"""Entries are ranked by their scores, and compared with the best on the same text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from textgen.api import TextgenError
from textgen.comparison.bench import check_reuse, compare, finished_run
from textgen.data.corpus import load_corpus
from textgen.experiment.entry import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import ignore_report


def test_differences_are_paired_and_against_the_best() -> None:
    noise = np.random.default_rng(0).gamma(4, 250, 40)  # bits of 40 segments of 500 characters
    entries = {"worse": {0: noise + 50}, "best": {0: noise}, "same": {0: noise.copy()}}
    scores, differences = compare(entries, 20_000)
    assert [score.name for score in scores] == ["best", "same", "worse"]
    by_name = {difference.b: difference for difference in differences}
    assert {difference.a for difference in differences} == {"best"}
    assert by_name["worse"].bits_per_char == pytest.approx(0.1)
    assert by_name["worse"].interval == pytest.approx((0.1, 0.1))  # the noise that both share drops out
    assert (by_name["same"].bits_per_char, by_name["same"].interval) == (0.0, (0.0, 0.0))


def test_fewer_than_two_entries_have_no_difference() -> None:
    assert compare({}, 100) == ((), ())
    scores, differences = compare({"only": {0: np.ones(50)}}, 100)
    assert (len(scores), differences) == (1, ())


def test_seeds_that_differ_make_a_difference_less_clear() -> None:
    noise = np.random.default_rng(0).gamma(4, 250, 40)
    calm = {"a": {0: noise, 1: noise + 0.1}, "b": {0: noise + 10, 1: noise + 10.1}}
    wild = {"a": {0: noise, 1: noise + 60}, "b": {0: noise + 70, 1: noise + 10}}
    widths = []
    for entries in (calm, wild):
        ((low, high),) = (difference.interval for difference in compare(entries, 20_000)[1])
        widths.append(high - low)
    assert widths[1] > 5 * widths[0]


def test_a_run_that_failed_does_not_mix_up_the_seeds_of_a_difference() -> None:
    noise = np.random.default_rng(0).gamma(4, 250, 40)
    luck = {0: 0.0, 1: 300.0, 2: -300.0, 3: 100.0}  # bits that a seed adds, for both
    best = {seed: noise + luck[seed] for seed in (0, 1, 2)}
    worse = {seed: noise + luck[seed] + 50 for seed in (1, 2, 3)}
    (found,) = compare({"best": best, "worse": worse}, 20_000)[1]
    assert found.bits_per_char == pytest.approx(0.1)
    assert found.interval == pytest.approx((0.1, 0.1))


def test_a_run_of_another_entry_is_not_reused(tmp_path: Path) -> None:
    corpus, cpu = load_corpus(["lee"], max_chars=6000), DeviceConfig(torch.device("cpu"), "fp32")

    def experiment(entry: str) -> Experiment:
        return Experiment(parse_entry(entry), corpus, parse_budget("1s"), cpu, 0)

    folder = tmp_path / "run"
    finished_run(folder, experiment("char-uniform"), ignore_report)
    check_reuse(folder, experiment("char-uniform"))
    with pytest.raises(TextgenError, match="run' holds a run that was made with another entry; choose"):
        check_reuse(folder, experiment("char-ngram"))
