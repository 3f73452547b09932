"""Continuing a finished run: from its weights, on the same text, with both results joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import TINY
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.saved_run import SavedRun, load_run, save_run
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, Step

CPU = choose_device("cpu", "fp32")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(["lee"], max_chars=20_000)


def trained(corpus: Corpus, entry: str, folder: Path) -> SavedRun:
    save_run(folder, Experiment(parse_entry(entry), corpus, parse_budget("8000chars"), CPU, 0).run())
    return load_run(folder, CPU.device)


def bits_into(found: list[float]) -> Report:
    """Collect the training loss after each update."""

    def report(step: Step) -> None:
        if step.progress:
            found.append(step.progress.train_bits_per_char)

    return report


def test_a_run_becomes_better_and_its_amounts_add_up(corpus: Corpus, tmp_path: Path) -> None:
    run = trained(corpus, TINY, tmp_path / "run")
    longer = continuation(run, "+30000chars", CPU).run()
    assert longer.settings.budget == "8000chars+30000chars"
    before, after = run.result, longer.result
    assert after.test is not None
    assert before.test is not None
    assert after.test.bits_per_char < before.test.bits_per_char
    assert after.train.num_chars > before.train.num_chars + 29_000
    assert after.train.curve[: len(before.train.curve)] != ()
    amounts = [point.num_chars for point in after.train.curve]
    assert amounts == sorted(amounts)
    save_run(tmp_path / "longer", longer)
    again = continuation(load_run(tmp_path / "longer", CPU.device), "+1epoch", CPU)
    assert again.settings().budget == "8000chars+30000chars+1epoch"


def test_the_first_update_starts_from_the_weights_of_the_run(corpus: Corpus, tmp_path: Path) -> None:
    run = trained(corpus, TINY, tmp_path / "run")
    first: list[float] = []
    continuation(run, "+2000chars", CPU).run(bits_into(first))
    assert run.result.validation is not None
    assert first[0] == pytest.approx(run.result.validation.bits_per_char, abs=0.5)
    fresh: list[float] = []
    Experiment(run.entry, corpus, parse_budget("2000chars"), CPU, 0).run(bits_into(fresh))
    assert first[0] < fresh[0] - 0.5


def test_another_text_an_entry_that_counts_and_a_budget_without_a_plus_are_refused(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = trained(corpus, TINY, tmp_path / "run")
    with pytest.raises(TextgenError, match="is not the text that"):
        continuation(run, "+1000chars", CPU, load_corpus(["lee"], max_chars=19_000))
    with pytest.raises(TextgenError, match=r"as --budget \+1000chars"):
        continuation(run, "1000chars", CPU)
    counted = trained(corpus, "char-ngram", tmp_path / "counted")
    with pytest.raises(TextgenError, match="nothing to continue"):
        continuation(counted, "+1000chars", CPU)
