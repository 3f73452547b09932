"""A killed run continues from its checkpoints, with the same bits; a finished one from its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.commands import TINY
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.run_lock import RunInterruptedError, partial_folder
from textgen.experiment.saved_run import SavedRun, load_run, write_run
from textgen.jobs.kept import run_and_save
from textgen.nn.weights import weights_of
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import INTERVAL
from textgen.training.progress import Report, Step

pytestmark = pytest.mark.slow  # trains or runs commands at length

CPU = choose_device("cpu", "fp32")
LSTM = "lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4"
ENTRIES = [f"char-{LSTM},dropout=0.2", f"char-{LSTM.replace('lstm', 'lstm+ngram')}", f"word-{LSTM}"]


class KilledError(BaseException):
    """The process ends."""


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(["lee"], max_chars=6000)


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after every update."""
    monkeypatch.setenv(INTERVAL, "0")


def killed_after(number: int) -> Report:
    def report(step: Step) -> None:
        if step.progress and step.progress.num_updates >= number:
            raise KilledError

    return report


def updates_into(found: list[int]) -> Report:
    """Follow what is trained; validations of earlier attempts are reported again."""

    def report(step: Step) -> None:
        if step.progress and step.progress.validation_bits_per_char is None:
            found.append(step.progress.num_updates)

    return report


def experiment(entry: str, corpus: Corpus, budget: str = "4000chars") -> Experiment:
    return Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, 0)


def same(one: SavedRun, other: SavedRun) -> bool:
    mine, its = (weights_of(run.model.module) for run in (one, other))
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)


def score(run: SavedRun) -> Any:
    assert run.result.test is not None
    return run.result.test, [
        (point.num_chars, point.validation_bits_per_char) for point in run.result.train.curve
    ]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_killed_run_ends_like_one_that_was_not(entry: str, corpus: Corpus, tmp_path: Path) -> None:
    whole = run_and_save(experiment(entry, corpus), tmp_path / "whole")
    folder = tmp_path / "killed"
    for number in (3, 9):  # it is killed twice
        with pytest.raises(KilledError):
            run_and_save(experiment(entry, corpus), folder, killed_after(number))
        assert not folder.exists()
    assert partial_folder(folder).is_dir()
    updates: list[int] = []
    run = run_and_save(experiment(entry, corpus), folder, updates_into(updates))
    assert min(updates) > 3
    assert same(run, whole)
    assert score(run) == score(whole)
    assert same(load_run(folder, CPU.device), whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


@pytest.mark.parametrize("entry", [ENTRIES[0], f"{ENTRIES[1]},dropout=0.4"])
def test_a_run_that_was_killed_while_it_was_scored_is_not_trained_again(
    entry: str, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_and_save(experiment(entry, corpus), tmp_path / "whole")

    def stop(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "score", stop)
        with pytest.raises(KilledError):
            run_and_save(experiment(entry, corpus), tmp_path / "run")
    updates: list[int] = []
    run = run_and_save(experiment(entry, corpus), tmp_path / "run", updates_into(updates))
    assert updates == []
    assert same(run, whole)


def test_checkpoints_of_other_settings_are_not_used(corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KilledError):
        run_and_save(experiment(ENTRIES[0], corpus), folder, killed_after(9))
    updates: list[int] = []
    run_and_save(experiment(ENTRIES[0], corpus, "3000chars"), folder, updates_into(updates))
    assert min(updates) == 1


def test_ctrl_c_tells_the_folder_once_there_is_a_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    def interrupt_at(number: int) -> Report:
        def report(step: Step) -> None:
            if step.progress and step.progress.num_updates >= number:
                raise KeyboardInterrupt

        return report

    with pytest.raises(KeyboardInterrupt) as early:
        run_and_save(experiment(ENTRIES[0], corpus), tmp_path / "run", interrupt_at(1))
    assert not isinstance(early.value, RunInterruptedError)
    assert not partial_folder(tmp_path / "run").exists()
    with pytest.raises(RunInterruptedError) as late:
        run_and_save(experiment(ENTRIES[0], corpus), tmp_path / "run", interrupt_at(5))
    assert late.value.folder == tmp_path / "run"
    assert partial_folder(tmp_path / "run").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SavedRun:
    folder = tmp_path_factory.mktemp("runs") / "run"
    text = load_corpus(["lee"], max_chars=20_000)
    write_run(folder, experiment(TINY, text, "8000chars").run().files)
    return load_run(folder, CPU.device)


def first_bits(longer: Experiment) -> float:
    """Return the training loss of the first update."""
    found: list[float] = []

    def report(step: Step) -> None:
        if step.progress:
            found.append(step.progress.train_bits_per_char)

    longer.run(report)
    return found[0]


def test_the_first_update_starts_from_the_weights_of_the_run(finished: SavedRun) -> None:
    longer = continuation(finished, "+2000chars", CPU)
    assert finished.result.validation is not None
    first = first_bits(longer)
    assert first == pytest.approx(finished.result.validation.bits_per_char, abs=0.5)
    assert first < first_bits(experiment(TINY, longer.corpus, "2000chars")) - 0.5


def test_another_text_an_entry_that_counts_and_a_budget_without_a_plus_are_refused(
    finished: SavedRun,
) -> None:
    other = load_corpus(["lee"], max_chars=19_000)
    counted = experiment("char-ngram", other, "8000chars").run()
    for run, budget, text, said in (
        (finished, "+1000chars", other, "is not the text that"),
        (finished, "1000chars", None, r"give --budget \+1000chars"),
        (counted, "+1000chars", None, "cannot be trained further"),
    ):
        with pytest.raises(TextgenError, match=said):
            continuation(run, budget, CPU, text)
