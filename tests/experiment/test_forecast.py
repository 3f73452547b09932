"""About how long experiments will take."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import (
    SAMPLES_SECONDS,
    Forecast,
    expected_seconds,
    seconds_of,
    seconds_of_references,
)
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Step

CPU = DeviceConfig(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def corpus(news: str) -> Corpus:
    return Corpus("news", "raw", news[:60_000], split_text(news[:60_000], parse_split("90/5/5")))


@pytest.mark.parametrize(
    ("entry", "budget", "least", "most"),
    [
        ("char-lstm", "60s", 60, 75),
        ("char-lstm+ngram", "60s", 60, 75),
        ("char-lstm", "1min", 60, 75),
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
    assert least < expected_seconds(parse_entry(entry), corpus, parse_budget(budget)) < most


def test_what_is_finished_is_only_loaded(corpus: Corpus, tmp_path: Path) -> None:
    run = Experiment(parse_entry("char-lstm"), corpus, parse_budget("60s"), CPU, 0)
    assert 60 < seconds_of(tmp_path / "0", run) < 75
    (tmp_path / "0").mkdir()
    assert seconds_of(tmp_path / "0", run) == SAMPLES_SECONDS
    assert 0 < seconds_of_references({tmp_path / "0": run}) < 15
    assert seconds_of_references({}) == 0


def starting(entry: str, left: float, after: float) -> Step:
    return Step("starting", entry, seconds_left=left, seconds_after=after)


def test_the_time_left_follows_what_was_expected_the_pace_and_the_share_that_is_done() -> None:
    forecast = Forecast()
    assert forecast.seconds_left(0.0) is None
    forecast.take(Step("preparing the text", seconds_left=20.0), 0.0)
    assert forecast.seconds_left(5.0) == pytest.approx(15)
    forecast = Forecast()
    forecast.take(starting("a", 20, 10), 0.0)
    assert forecast.seconds_left(60.0) == pytest.approx(60)  # the first lasts six times as long already
    forecast.take(starting("b", 10, 2), 80.0)
    assert forecast.seconds_left(80.0) == pytest.approx(80)
    assert forecast.seconds_left(100.0) == pytest.approx(60)
    forecast = Forecast()
    forecast.take(starting("a", 10, 0), 0.0)
    forecast.take(Step("scoring", "a"), 5.0)
    forecast.take(Step("scoring", "a", fraction=0.25), 15.0)
    assert forecast.seconds_left(15.0) == pytest.approx(30)
