"""About how long experiments will take."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import Forecast, stages_of, stages_of_comparison
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import DONE, FAILED, Progress, Stage, Step

CPU = DeviceConfig(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def corpus(news: str) -> Corpus:
    return Corpus("news", "raw", news[:60_000], split_text(news[:60_000], parse_split("90/5/5")))


@pytest.mark.parametrize(
    ("entry", "budget", "least", "most"),
    [
        ("char-lstm", "60s", 60, 80),
        ("word-lstm+ngram", "1min", 60, 100),
        ("char-lstm", "2000chars", 1, 10),
        ("char-lstm", "20Mchars", 200, 600),
        ("char-lstm", "100epochs", 50, 200),
        ("char-lstm", "1000updates", 80, 400),
        ("random", "60s", 1, 10),
    ],
)
def test_a_run_takes_its_budget_and_some_more(
    entry: str, budget: str, least: float, most: float, corpus: Corpus
) -> None:
    run = Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, 0)
    assert least < sum(each.seconds for each in stages_of("a", run)) < most


def test_what_is_there_is_not_made_again(corpus: Corpus, tmp_path: Path) -> None:
    run, folder = Experiment(parse_entry("char-lstm"), corpus, parse_budget("60s"), CPU, 0), tmp_path / "0"
    states = [each.state for each in stages_of("a", run, folder)]
    assert states == ["starting", "tokenizing", "scoring", "writing samples"]
    (tmp_path / "0.partial" / "trained").mkdir(parents=True)
    assert [each.state for each in stages_of("a", run, folder)] == ["starting", "scoring", "writing samples"]
    folder.mkdir()
    assert [each.state for each in stages_of("a", run, folder)] == ["starting", "writing samples"]
    with_references, without = stages_of_comparison((), 1_000_000), stages_of_comparison((), None)
    assert [each.state for each in with_references if each not in without] == ["comparing with references"]


PLAN = (
    Stage("", "preparing", 2),
    *(Stage(entry, "starting", 2) for entry in "ab"),
    *(Stage(entry, "tokenizing", 60, is_timed=True) for entry in "ab"),
    *(Stage(entry, "scoring", 10) for entry in "ab"),
    Stage("", "references", 4),
)


def trained(entry: str, share: float) -> Step:
    return Step("training", entry, Progress(share, 56 * share, 9, 1.0, 9, 3.0))


def test_a_forecast_follows_the_pace_of_all_but_timed_work() -> None:
    forecast = Forecast(pace=2.0)
    assert forecast.seconds_left(0.0) is None
    forecast.take(Step("preparing", stages=PLAN), 0.0)
    assert forecast.seconds_left(0.0) == pytest.approx(2 * 60 + 2 * 30)
    assert forecast.seconds_left(3.0) == pytest.approx(2 * 60 + 2 * 30 - 3)
    forecast.take(Step("starting", "a"), 4.0)
    forecast.take(Step("tokenizing", "a"), 8.0)
    assert forecast.seconds_left(8.0) == pytest.approx(2 * 60 + 2 * 26)
    forecast.take(trained("a", 0.5), 40.0)
    assert forecast.seconds_left(40.0) == pytest.approx(60 + 2 * 26 + 28 * 1.07)
    forecast.take(Step("validating", "a"), 41.0)
    assert forecast.seconds_left(41.0) == pytest.approx(60 + 2 * 26 + 28 * 1.07 - 1)
    forecast.take(Step("scoring", "a"), 72.0)
    assert forecast.seconds_left(72.0) == pytest.approx(60 + 2 * 26)
    assert forecast.seconds_left(272.0) == pytest.approx(60 + 12 + 200)  # it takes 20 times as long already
    forecast.take(Step("scoring", "a", fraction=0.25), 82.0)  # 40 s in all: four times as long as expected
    pace = (2 * (2 + 2 + 2) + 40) / (2 + 2 + 2 + 10)
    assert forecast.seconds_left(82.0) == pytest.approx(30 + 60 + pace * 16)


def test_what_fails_or_runs_beside_others_takes_no_time_of_its_own() -> None:
    forecast = Forecast()
    forecast.take(Step("", stages=PLAN), 0.0)
    forecast.take(Step("starting", "a"), 0.0)
    forecast.take(Step("starting", "b"), 0.0)
    assert forecast.seconds_left(0.0) == pytest.approx((2 * 72 + 4) / 2)
    forecast.take(Step(FAILED, "a", outcome="nan"), 1.0)
    assert forecast.seconds_left(1.0) == pytest.approx(72 + 4 - 1)
    forecast.take(Step(DONE, "b"), 2.0)
    assert forecast.seconds_left(2.0) == pytest.approx(4)
