"""Kept runs: reused if they fit, named if they do not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import partial_folder
from textgen.jobs.kept import check_reuse, kept_manifest, made_with, run_and_save
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Step

CPU = DeviceConfig(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    corpus = load_corpus(["lee"], max_chars=5000)
    return Experiment(parse_entry("char-uniform"), corpus, parse_budget("1000chars"), CPU, seed=0)


@pytest.fixture(scope="module")
def made(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_and_save(experiment, folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "run")


def test_a_run_is_made_once(folder: Path) -> None:
    steps: list[Step] = []
    partial_folder(folder).mkdir()  # left by a process that was killed right after it had saved the run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    run = kept_manifest(folder, steps.append)
    assert run is not None
    assert [step.state for step in steps] == ["loading"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert not partial_folder(folder).exists()
    assert run.result.test is not None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 1}, "seed"),
        ({"budget": parse_budget("2000chars")}, "budget"),
        ({"entry": parse_entry("byte-uniform")}, "entry"),
        ({"entry": parse_entry("char-ngram")}, "entry"),
        ({"device_config": DeviceConfig(torch.device("cpu"), "bf16")}, "precision; add --precision fp32, or"),
    ],
)
def test_a_run_of_something_else_is_refused(
    experiment: Experiment, folder: Path, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(TextgenError, match=f"holds a run that differs in its {what}"):
        check_reuse(folder, replace(experiment, **changes))


def test_another_text_and_another_split_of_it_are_told_apart(experiment: Experiment, folder: Path) -> None:
    for options, what in (
        ({"max_chars": 4000}, "corpus"),
        ({"max_chars": 5000, "split": "80/10/10"}, "split"),
    ):
        other = replace(experiment, corpus=load_corpus(["lee"], **options))  # type: ignore[arg-type]
        with pytest.raises(TextgenError, match=f"differs in its {what}; .*choose another folder"):
            check_reuse(folder, other)


def test_other_options_are_named(experiment: Experiment, tmp_path: Path) -> None:
    one, two = (replace(experiment, entry=parse_entry(f"char-ngram:order={order}")) for order in (1, 2))
    run_and_save(one, tmp_path / "run")
    with pytest.raises(TextgenError, match="differs in its options"):
        check_reuse(tmp_path / "run", two)


def test_what_runs_were_made_with_is_read_of_those_that_can_be(folder: Path) -> None:
    broken = folder.parent / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    assert list(made_with(folder.parent, "*/run.json")) == [("cpu", "fp32")]
