"""What a trial of an entry measures, and what it never sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.commands import TINY, forget_plugin_files
from helpers.plugins import TOY_MODEL
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import Part
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.registry.single_file import load_plugin_file
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Step
from textgen_tune.objective import Objective
from textgen_tune.search_space import candidates as entry_candidates
from textgen_tune.search_space import dimensions

CPU = DeviceConfig(torch.device("cpu"), "fp32")


class Untouchable(str):
    """A text that nobody may look at."""

    def __getitem__(self, key: Any = None) -> str:
        raise AssertionError("the test part was read")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(["lee"], max_chars=30_000)


def training(corpus: Corpus, entry: str = TINY) -> Objective:
    parsed = parse_entry(entry)
    searched = dimensions(entry_candidates(parsed), "learning_rate", entry)
    return Objective(parsed, corpus, parse_budget("2000chars"), CPU, 0, searched)


def test_a_trial_never_reads_the_test_part(corpus: Corpus) -> None:
    hidden = replace(corpus, split=replace(corpus.split, test=Part(Untouchable("secret"), (6,))))
    seen: list[Step] = []
    value = training(hidden).evaluate({"learning_rate": 0.003}, seen.append)
    assert value == training(corpus).evaluate({"learning_rate": 0.003}, seen.append)
    with pytest.raises(AssertionError, match="the test part was read"):
        len(hidden.split.scored("test"))


def test_the_value_is_the_validation_score_of_an_ordinary_run(corpus: Corpus) -> None:
    seen: list[Step] = []
    objective = training(corpus)
    value = objective.evaluate({"learning_rate": 0.01}, seen.append)
    entry = parse_entry(f"{TINY},learning_rate=0.01")
    run = Experiment(entry, corpus, objective.budget, CPU, 0).run()
    assert value == pytest.approx(run.result.validation.bits_per_char, abs=1e-6)
    progress = [step.progress for step in seen if step.progress is not None]
    assert sum(each.validation_bits_per_char is not None for each in progress) == objective.num_steps == 2
    states = list(dict.fromkeys(step.state for step in seen))
    assert states == ["tokenizing", "training", "validating", "scoring"]


def test_a_trial_whose_score_means_nothing_has_no_value(corpus: Corpus, tmp_path: Path) -> None:
    peeks = "logits = logits + nn.functional.one_hot(ids.roll(-1, 1), logits.shape[-1])"
    (tmp_path / "peeks.py").write_text(TOY_MODEL.format(peeks))
    load_plugin_file(tmp_path / "peeks.py")
    try:
        with pytest.raises(
            TextgenError, match=r"^char-toy.*: it predicts otherwise when .* no score to tune on$"
        ):
            training(corpus, "char-toy").evaluate({"learning_rate": 0.01}, lambda step: None)
    finally:
        forget_plugin_files()
