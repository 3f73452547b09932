"""Entries of several models, copies (`3*word-lstm`) and mixtures: trained in turn under one budget, kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.scoring import bits_of_run
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import SavedRun, load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.nn.weights import weights_of
from textgen.runtime.device import choose_device
from textgen.training import mixture_training
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import INTERVAL
from textgen.training.progress import Step

CPU = choose_device("cpu")
SMALL = "num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4,dropout=0.2"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(["lee"], max_chars=30_000)


@pytest.fixture(scope="module")
def short(news: str) -> Corpus:
    return Corpus("news", "raw", news[:10_000], split_text(news[:10_000], parse_split("80/10/10")))


def experiment(entry: str, corpus: Corpus, budget: str = "6000chars", **options: bool) -> Experiment:
    return Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, 0, **options)


@pytest.fixture(scope="module")
def passage(news: str) -> Corpus:
    return Corpus("news", "raw", news[:24_000], split_text(news[:24_000], parse_split("80/10/10")))


@pytest.fixture(scope="module")
def trained(corpus: Corpus) -> SavedRun:
    """Three copies."""
    return experiment(f"3*char-lstm:{SMALL}", corpus).run()


def run_of(entry: str, corpus: Corpus, budget: str = "20kchars") -> SavedRun:
    return experiment(entry, corpus, budget).run()


def copies_of(run: SavedRun) -> list[dict[str, Tensor]]:
    return [weights_of(member.module) for member in run.model.members]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_the_first_copy_is_the_single_model_with_its_share_of_the_budget(
    corpus: Corpus, trained: SavedRun
) -> None:
    alone = experiment(f"char-lstm:{SMALL}", corpus, budget="2000chars").run()
    first, second, third = copies_of(trained)
    assert same(first, *copies_of(alone))
    assert not same(first, second)
    assert not same(second, third)
    train = trained.result.train
    assert train.num_updates == 3 * alone.result.train.num_updates
    assert [point.fraction for point in train.curve] == sorted(point.fraction for point in train.curve)
    assert train.best_share is not None
    assert 0 < train.best_share <= 1
    assert trained.result.num_parameters == 3 * alone.result.num_parameters


@pytest.mark.slow
def test_a_run_of_copies_is_kept_whole(corpus: Corpus, tmp_path: Path) -> None:
    said = list[str]()
    run = experiment(f"2*word-lstm+ngram:{SMALL}", corpus).run(lambda step: said.append(step.remark))
    assert [each for each in said if each] == ["starts training model 2 of 2, so scores begin again"]
    write_run(tmp_path / "run", run.files)
    loaded = load_run(tmp_path / "run", CPU.device)
    assert (loaded.entry, len(loaded.model.members)) == (run.entry, len(run.model.members))
    texts = corpus.split.test.stretches()
    known = run.result.test
    assert known is not None
    assert bits_of_run(loaded, texts) == pytest.approx(known.bits_per_char, abs=1e-12)
    assert run.result.problem is None
    (written,) = loaded.generator(CPU).generate(["The"], 20, build_sampler("temperature"), [0])
    assert len(written) == 20
    longer = continuation(loaded, "+3000chars", CPU, corpus).run()
    assert longer.result.train.num_updates > run.result.train.num_updates
    assert not any(map(same, copies_of(longer)[:2], copies_of(run)[:2]))


@pytest.mark.slow
def test_copies_that_are_finished_are_not_trained_again(
    corpus: Corpus, trained: SavedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, "0")
    total, seen = trained.result.train.num_updates, list[int]()

    def kill(step: Step) -> None:
        if step.progress and step.progress.num_updates >= total // 2:  # amid the second copy
            raise KeyboardInterrupt

    def follow(step: Step) -> None:  # without validations, those of the first attempt being reported again
        if step.progress and step.progress.validation_bits_per_char is None:
            seen.append(step.progress.num_updates)

    with locked_run(tmp_path / "run") as checkpoints, pytest.raises(KeyboardInterrupt):
        experiment(f"3*char-lstm:{SMALL}", corpus).run(kill, checkpoints)
    resumed = experiment(f"3*char-lstm:{SMALL}", corpus).run(follow, checkpoints)
    assert (min(seen), max(seen)) == (total // 2 + 1, total - 1)
    assert all(map(same, copies_of(resumed), copies_of(trained)))


# --- the number of copies follows from the budget


TINY = "num_layers=1,hidden_size=16,batch_size=8,sequence_length=16"


@pytest.mark.parametrize(
    ("copies", "budget", "chooses", "expected"),
    [
        ("", "3epochs", True, 1),
        ("", "5epochs", True, 2),
        ("1*", "5epochs", True, 1),
        ("", "5epochs", False, 1),
    ],
)
def test_an_entry_gets_the_copies_that_its_budget_has_use_for(
    *, copies: str, budget: str, chooses: bool, expected: int, short: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixture_training, "EXPOSURE_OF_ONE", 1.0)  # two epochs are enough for a model
    monkeypatch.setattr(mixture_training, "ENOUGH_UPDATES", 20)
    made = experiment(f"{copies}char-lstm:{TINY}", short, budget, chooses_copies=chooses).train()
    assert made.record.entry.num_copies == expected


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_is_resumed_has_the_number_with_which_it_began(
    number: int, short: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = {"MIN_SECONDS": 0.1, "MOST_COPIES": number, "EXPOSURE_OF_ONE": 1e-3, "ENOUGH_UPDATES": 1}
    for name, value in little.items():
        monkeypatch.setattr(mixture_training, name, value)
    monkeypatch.setenv(INTERVAL, "0")
    timed = experiment(f"char-lstm:{TINY}", short, "2s")

    def interrupt(step: Step) -> None:
        if step.progress and step.progress.num_updates > 2:
            raise KeyboardInterrupt

    with locked_run(tmp_path / "run") as checkpoints, pytest.raises(KeyboardInterrupt):
        timed.run(interrupt, checkpoints)
    monkeypatch.setenv(INTERVAL, "1000")
    monkeypatch.setattr(
        mixture_training, "MOST_COPIES", 3 - number
    )  # the other number, if it were chosen again
    assert timed.run(checkpoints=checkpoints).result.num_copies == number


# --- mixtures


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["char-lstm+ngram:hidden_size=8", "word-ngram+uniform"])
def test_a_mixture_is_as_good_as_its_best_member_and_passes_every_check(entry: str, passage: Corpus) -> None:
    result = run_of(entry, passage).result
    tokenizer = entry.partition("-")[0]
    alone = run_of(f"{tokenizer}-ngram", passage).result
    assert result.problem is None
    assert result.score_checks.max_normalization_error < 1e-4
    assert result.validation is not None
    assert alone.validation is not None
    assert result.validation.bits_per_char < alone.validation.bits_per_char + 0.001
    assert result.train.validation_seconds > 0  # of fitting the weights


# --- predictions that are refined by a cache or by matches


LITTLE = "num_layers=1,hidden_size=8,batch_size=8"


def bits(run: SavedRun) -> float:
    assert run.result.test is not None
    return run.result.test.bits_per_char


@pytest.mark.slow
@pytest.mark.parametrize("name", ["char-ngram", "word-lstm+ngram"])
def test_counts_that_go_on_are_better_and_of_another_class(name: str, passage: Corpus) -> None:
    options = f":{LITTLE}" if "lstm" in name else ""
    plain, cached = (run_of(each + options, passage) for each in (name, f"{name}+mix"))
    assert bits(cached) < bits(plain) - 0.01
    assert (plain.result.reads_on, cached.result.reads_on) == (False, True)
    assert cached.result.problem is None
    assert plain.result.num_parameters == cached.result.num_parameters
    assert plain.result.train.num_updates == cached.result.train.num_updates


@pytest.mark.slow
def test_matches_are_no_reading_on_and_a_loaded_run_has_the_same_score(
    passage: Corpus, tmp_path: Path
) -> None:
    run = run_of("char-ngram+match+mix:match.places=20,mix.places=8", passage)
    matched = run_of("char-ngram+match", passage).result
    assert (matched.reads_on, matched.train.cpu_utilization) == (False, None)  # it has no updates
    write_run(tmp_path / "run", run.files)
    loaded = load_run(tmp_path / "run", CPU.device)
    texts = passage.split.test.stretches()
    assert bits_of_run(loaded, texts) == pytest.approx(bits(run), abs=1e-12)
