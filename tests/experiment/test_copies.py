"""Entries of copies, `3*word-lstm`: read, trained one after another under one budget, averaged, kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.scoring import bits_of_run
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import SavedRun, load_run, save_run
from textgen.generation.bound_sampler import build_sampler
from textgen.nn.language_model import placeholder_vocabulary
from textgen.nn.weights import num_parameters, weights_of
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import INTERVAL
from textgen.training.progress import Step

CPU = choose_device("cpu")
SMALL = "num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4,dropout=0.2"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(["lee"], max_chars=30_000)


def experiment(entry: str, corpus: Corpus, budget: str = "6000chars", seed: int = 0) -> Experiment:
    return Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, seed)


@pytest.fixture(scope="module")
def trained(corpus: Corpus) -> SavedRun:
    """Three copies."""
    return experiment(f"3*char-lstm:{SMALL}", corpus).run()


def copies_of(run: SavedRun) -> list[dict[str, Tensor]]:
    """The weights of each model that was trained."""
    return [weights_of(member.module) for member in run.model.members]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_copies_belong_to_the_models_that_are_trained() -> None:
    entry = parse_entry("3*word-lstm+ngram-glove:hidden_size=8,order=3,batch_size=4")
    assert entry.parts == {"tokenizer": "word", "model": "3*lstm+ngram", "embedding": "glove"}
    assert entry.members == {
        "lstm-1of3": ("lstm", 0),
        "lstm-2of3": ("lstm", 1),
        "lstm-3of3": ("lstm", 2),
        "ngram": ("ngram", 0),
    }
    assert entry.models == {"lstm": "lstm", "ngram": "ngram"}
    model, alone = (
        parse_entry(f"{copies}word-lstm+ngram:lstm.hidden_size=8").build_model(placeholder_vocabulary(9))
        for copies in ("3*", "")
    )
    assert num_parameters(model.module) == 3 * num_parameters(alone.module)


@pytest.mark.parametrize(
    "name", ["0*char-lstm", "33*char-lstm", "x*char-lstm", "char-2*lstm", "2*2*char-lstm"]
)
def test_a_number_of_copies_is_from_1_to_32_and_comes_first(name: str) -> None:
    with pytest.raises(TextgenError, match=r"is not a valid number of copies; begin with 1\* to 32\*"):
        parse_entry(name)


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
def test_the_score_is_that_of_the_mean_of_the_probabilities(corpus: Corpus, trained: SavedRun) -> None:
    assert trained.result.problem is None  # chunks equal one pass, no model sees the future
    assert trained.result.score_checks.max_normalization_error < 1e-4
    start = trained.tokenizer.encode("\n")
    nats = 0.0
    for text in corpus.split.test.stretches():
        ids = torch.from_numpy(np.concatenate([start, trained.tokenizer.encode(text)]).astype(np.int64))
        with torch.inference_mode():
            each = [
                member.forward(ids[None, :-1], member.initial_state(1))[0][0].double().softmax(-1)
                for member in trained.model.members
            ]
        nats -= float((sum(each) / 3)[range(len(ids) - 1), ids[1:]].log().sum())
    assert trained.result.test is not None
    expected = nats / np.log(2) / len(corpus.split.test)
    assert trained.result.test.bits_per_char == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_a_run_of_copies_is_kept_whole(corpus: Corpus, tmp_path: Path) -> None:
    run = experiment(f"2*word-lstm+ngram:{SMALL}", corpus).run()
    save_run(tmp_path / "run", run)
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
