"""Entries whose predictions are refined by a cache or by matches: trained, saved, scored, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun, load_run, save_run
from textgen.experiment.score_run import score_held_out
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget

CPU = choose_device("cpu")
SMALL = "num_layers=1,hidden_size=8,batch_size=8"


@pytest.fixture(scope="module")
def corpus(news: str) -> Corpus:
    """A short text."""
    return Corpus("news", "raw", news[:60_000], split_text(news[:60_000], parse_split("80/10/10")))


def run_of(entry: str, corpus: Corpus) -> SavedRun:
    return Experiment(parse_entry(entry), corpus, parse_budget("20kchars"), CPU, 0).run()


def bits(run: SavedRun) -> float:
    assert run.result.test is not None
    return run.result.test.bits_per_char


@pytest.mark.slow
@pytest.mark.parametrize("name", ["char-ngram", "word-lstm+ngram"])
def test_a_cache_is_better_and_of_another_class(name: str, corpus: Corpus) -> None:
    options = f":{SMALL}" if "lstm" in name else ""
    plain, cached = (run_of(each + options, corpus) for each in (name, f"{name}+cache"))
    assert bits(cached) < bits(plain) - 0.01
    assert (plain.result.reads_on, cached.result.reads_on) == (False, True)
    assert cached.result.problem is None
    assert plain.result.num_parameters == cached.result.num_parameters
    assert plain.result.train.num_updates == cached.result.train.num_updates


@pytest.mark.slow
def test_matches_are_no_reading_on_and_a_loaded_run_has_the_same_score(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = run_of("char-ngram+match+cache:match.longest=20,cache.longest=8", corpus)
    matched = run_of("char-ngram+match", corpus).result
    assert (matched.reads_on, matched.train.cpu_utilization) == (False, None)  # it has no updates
    save_run(tmp_path / "run", run)
    loaded = load_run(tmp_path / "run", CPU.device)
    texts = corpus.split.test.stretches()
    ids = [loaded.tokenizer.encode(text) for text in texts]
    assert score_held_out(loaded, texts, ids, CPU.device).score.bits_per_char == bits(run)


@pytest.mark.slow
def test_what_is_written_is_read_on(corpus: Corpus) -> None:
    run = run_of("char-ngram+cache", corpus)
    ids = torch.from_numpy(run.tokenizer.encode("Zyxwvu. Zyxwv").astype("int64"))[None]
    (wanted,) = run.tokenizer.encode("u").tolist()
    with torch.inference_mode():
        step, state = run.model.prepare_step(torch.float32), run.model.initial_state(1)
        _, state = run.model.forward(ids[:, :-1], state)
        logits, _ = step(ids[:, -1], state)
        alone, _ = step(ids[:, -1], run.model.initial_state(1))
    assert logits.log_softmax(-1)[0, wanted] > alone.log_softmax(-1)[0, wanted] + 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("char-lstm+cache+ngram", "'cache' refines the models to its left; write it after 'ngram'"),
        ("char-cache+ngram", "'cache' refines the models to its left; write it after 'ngram'"),
        ("char-cache", "'cache' refines another model; write char-ngram+cache"),
        ("char-cache+match", "'cache' refines another model; write char-ngram+cache"),
        ("char-ngram+cache:hidden_size=9", "unknown option 'hidden_size'"),
        ("char-ngram+cache+cache", "model 'cache' is there twice"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: str, message: str) -> None:
    with pytest.raises(TextgenError) as refused:
        parse_entry(entry)
    assert message in str(refused.value)
