"""Entries that mix models: training under one budget, scores, runs on disk."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from helpers.scoring import bits_of_run
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun, load_run, save_run
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget
from textgen.training.progress import Progress, Step

pytestmark = pytest.mark.slow  # trains or runs commands at length

CPU = choose_device("cpu")
SIZES = "lstm.hidden_size=8,gru.hidden_size=8,lstm.num_layers=1,gru.num_layers=1,batch_size=8"


@pytest.fixture(scope="module")
def corpus(news: str) -> Corpus:
    """A short text."""
    return Corpus("news", "raw", news[:24_000], split_text(news[:24_000], parse_split("80/10/10")))


def run_of(
    entry: str, corpus: Corpus, seen: list[Progress] | None = None, budget: str = "20kchars"
) -> SavedRun:
    """Return the run of an entry; the progress of its training is added to `seen`."""

    def follow(step: Step) -> None:
        if seen is not None and step.progress is not None:
            seen.append(step.progress)

    return Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, 0).run(follow)


@pytest.mark.parametrize("entry", ["char-lstm+ngram:hidden_size=8", "word-ngram+uniform"])
def test_a_mixture_is_as_good_as_its_best_member_and_passes_every_check(entry: str, corpus: Corpus) -> None:
    result = run_of(entry, corpus).result
    tokenizer = entry.partition("-")[0]
    alone = run_of(f"{tokenizer}-ngram", corpus).result
    assert result.problem is None
    assert result.score_checks.max_normalization_error < 1e-4
    assert result.validation is not None
    assert alone.validation is not None
    assert result.validation.bits_per_char < alone.validation.bits_per_char + 0.001
    assert result.train.validation_seconds > 0  # of fitting the weights


def test_models_trained_by_gradient_share_the_budget(corpus: Corpus) -> None:
    seen: list[Progress] = []
    run = run_of(f"char-lstm+ngram+gru:{SIZES}", corpus, seen)
    train = run.result.train
    assert train.num_chars == pytest.approx(20_000, rel=0.05)
    assert [point.fraction for point in train.curve] == pytest.approx(
        [number / 20 for number in range(1, 21)], abs=0.02
    )
    for before, after in pairwise(seen):
        assert before.num_updates + 1 == after.num_updates
        assert before.seconds < after.seconds
        assert before.fraction < after.fraction
    assert train.num_updates == seen[-1].num_updates
    assert seen[0].seconds > 0
    assert run.result.problem is None


def test_counting_costs_time_of_the_budget(corpus: Corpus) -> None:
    run = run_of("char-lstm+ngram:num_layers=1,hidden_size=8", corpus, budget="2s")
    result = run.result
    assert result.train.seconds + result.preparation.seconds < 3
    assert result.train.curve[0].seconds < result.train.seconds


# --- predictions that are refined by a cache or by matches


SMALL = "num_layers=1,hidden_size=8,batch_size=8"


def bits(run: SavedRun) -> float:
    assert run.result.test is not None
    return run.result.test.bits_per_char


@pytest.mark.slow
@pytest.mark.parametrize("name", ["char-ngram", "word-lstm+ngram"])
def test_counts_that_go_on_are_better_and_of_another_class(name: str, corpus: Corpus) -> None:
    options = f":{SMALL}" if "lstm" in name else ""
    plain, cached = (run_of(each + options, corpus) for each in (name, f"{name}+mix"))
    assert bits(cached) < bits(plain) - 0.01
    assert (plain.result.reads_on, cached.result.reads_on) == (False, True)
    assert cached.result.problem is None
    assert plain.result.num_parameters == cached.result.num_parameters
    assert plain.result.train.num_updates == cached.result.train.num_updates


@pytest.mark.slow
def test_matches_are_no_reading_on_and_a_loaded_run_has_the_same_score(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = run_of("char-ngram+match+mix:match.places=20,mix.places=8", corpus)
    matched = run_of("char-ngram+match", corpus).result
    assert (matched.reads_on, matched.train.cpu_utilization) == (False, None)  # it has no updates
    save_run(tmp_path / "run", run)
    loaded = load_run(tmp_path / "run", CPU.device)
    texts = corpus.split.test.stretches()
    assert bits_of_run(loaded, texts) == pytest.approx(bits(run), abs=1e-12)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("char-lstm+mix+ngram", "'mix' refines the models to its left; write it after 'ngram'"),
        ("char-mix+ngram", "'mix' refines the models to its left; write it after 'ngram'"),
        ("char-mix", "'mix' refines another model; write char-ngram+mix"),
        ("char-mix+match", "'mix' refines another model; write char-ngram+mix"),
        ("char-ngram+mix:hidden_size=9", "unknown option 'hidden_size'"),
        ("char-ngram+mix+mix", "model 'mix' is there twice"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: str, message: str) -> None:
    with pytest.raises(TextgenError) as refused:
        parse_entry(entry)
    assert message in str(refused.value)
