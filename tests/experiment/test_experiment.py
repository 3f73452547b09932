"""An entry from text to scored run: its units, its budget and its problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.runs import SMALL
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment import encoding
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun
from textgen.experiment.score_trained import LOSES_TEXT
from textgen.runtime.device import choose_device
from textgen.runtime.storage.json_records import from_values, to_values
from textgen.training import mixture_training
from textgen.training.budget import Budget, parse_budget

pytestmark = pytest.mark.slow  # trains or runs commands at length

CPU = choose_device("cpu")
Install = Callable[[str, str, str], None]


def corpus_of(news: str, split: str = "60/20/20") -> Corpus:
    return Corpus("news", "raw", news, split_text(news, parse_split(split)))


def run_of(entry: str, corpus: Corpus, budget: str = "2000chars") -> SavedRun:
    return Experiment(parse_entry(entry), corpus, parse_budget(budget), CPU, 0).run()


def test_the_units_of_a_score_are_its_stretches(news: str) -> None:
    corpus = corpus_of(news)
    result = run_of("word-ngram", corpus).result
    assert result.problem is None
    for part in ("validation", "test"):
        about, score = corpus.info.split.scored(part), getattr(result, part)
        assert len(about.stretch_chars) == 24
        assert score.units.num_chars == about.stretch_chars
        assert sum(score.units.num_chars) == about.num_chars
        assert sum(score.units.bits) / about.num_chars == pytest.approx(score.bits_per_char)
        assert score.interval[0] < score.bits_per_char < score.interval[1]
    assert result.score_checks.num_chars == corpus.info.split.test.num_chars
    assert result.score_checks.total_bits == pytest.approx(sum(result.test.units.bits))


@pytest.mark.parametrize(("split", "num_stretches"), [("contiguous:90/5/5", 1), ("90/5/5", 6), ("90/10", 6)])
def test_a_score_of_few_stretches_has_segments_as_units(split: str, num_stretches: int, news: str) -> None:
    corpus = corpus_of(news, split)
    held_out = corpus.info.split.scored(corpus.split.scored_on)
    assert len(held_out.stretch_chars) == num_stretches
    result = run_of("random", corpus).result
    score = result.test
    assert score is not None
    assert len(score.units.bits) == len(score.units.num_chars) == (24 if num_stretches < 3 else num_stretches)
    assert sum(score.units.num_chars) == held_out.num_chars
    assert sum(score.units.bits) / held_out.num_chars == pytest.approx(score.bits_per_char)


SLOW_PARTS = """
import time
import numpy as np
from textgen.contracts import WordVectors
from textgen_tokenizers.word import WordTokenizer

class Slow(WordTokenizer):
    '''Takes its time to fit.'''
    def fit(self, text):
        time.sleep(0.2)
        super().fit(text)

class Made:
    '''Takes its time to make vectors.'''
    frozen = False
    def vectors(self, train_text, tokens):
        time.sleep(0.3)
        return WordVectors(['the', 'of'], np.ones((2, 4), np.float32))
"""


@pytest.fixture
def slow_parts(install: Install) -> None:
    """A tokenizer that takes 0.2 seconds and vectors that take 0.3."""
    points = "[textgen.tokenizers]\nslow = slow:Slow\n[textgen.embeddings]\nmade = slow:Made\n"
    install("slow", points, SLOW_PARTS)


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[Budget]:
    """The budgets of all training, each of which ends after 1,000 characters."""
    found, train = [], mixture_training.train

    def short(trainer: Any, budget: Budget, *rest: Any, **more: Any) -> Any:
        found.append(budget)
        return train(trainer, parse_budget("1000chars"), *rest, **more)

    monkeypatch.setattr(mixture_training, "train", short)
    return found


@pytest.mark.usefixtures("slow_parts")
def test_a_budget_of_seconds_pays_for_the_tokenizer_and_the_vectors(news: str, budgets: list[Budget]) -> None:
    entry, corpus = f"1*slow-lstm-made{SMALL}", corpus_of(news)
    preparation = run_of(entry, corpus, "60s").result.preparation
    assert preparation.tokenizer_seconds >= 0.2
    assert preparation.vectors_seconds >= 0.3
    assert preparation.seconds == preparation.tokenizer_seconds + preparation.vectors_seconds
    run = run_of(entry, corpus, "5000chars")
    assert run.result.preparation.vectors_seconds >= 0.3
    assert [budget.amount for budget in budgets] == [60 - preparation.seconds, 5000]
    assert run.settings.budget == "5000chars"
    assert run_of(f"word-lstm{SMALL}", corpus).result.preparation.vectors_seconds == 0


@pytest.mark.usefixtures("slow_parts")
def test_a_budget_without_time_to_train_is_a_one_line_error(news: str) -> None:
    corpus = corpus_of(news)
    with pytest.raises(TextgenError, match=r"^budget 0\.4s: .* took [\d.]+ s, .*; give a larger budget$"):
        run_of(f"slow-lstm-made{SMALL}", corpus, "0.4s")
    assert run_of("slow-ngram", corpus, "0.1s").result.problem is None  # it counts, whatever the budget


PROBLEMATIC = """
from textgen_models.recurrent import LSTM
from textgen_tokenizers.char import CharTokenizer
from torch.nn import functional as F

class Peeks(LSTM):
    '''Sees the next token.'''
    def forward(self, ids, state):
        logits, state = super().forward(ids, state)
        return logits + F.one_hot(ids.roll(-1, 1), logits.shape[-1]), state

class Lower(CharTokenizer):
    '''Has no upper case.'''
    def fit(self, text):
        super().fit(text.lower())
    def encode(self, text):
        return super().encode(text.lower())
"""


def test_a_run_with_a_problem_has_no_rank(install: Install, news: str) -> None:
    points = "[textgen.models]\npeeks = cheats:Peeks\n[textgen.tokenizers]\nlower = cheats:Lower\n"
    install("cheats", points, PROBLEMATIC)
    corpus = corpus_of(news)
    peeking, lossy = (run_of(f"{name}{SMALL}", corpus).result for name in ("char-peeks", "lower-lstm"))
    assert peeking.problem == peeking.score_checks.problem
    assert peeking.problem.startswith("it predicts otherwise when it gets several tokens at once")
    assert lossy.problem == LOSES_TEXT
    assert lossy.test is lossy.validation is None
    assert not lossy.score_checks.decoded_equals_text
    honest = run_of(f"char-lstm{SMALL}", corpus).result
    for result, is_ranked in ((peeking, False), (lossy, False), (honest, True)):
        row = from_values(EntryResult, to_values(result))
        assert row.is_comparable is result.is_comparable is is_ranked
        assert (row.score("test") is not None) is is_ranked
        assert "\n" not in (result.problem or "")


@pytest.mark.parametrize(("entry", "per_second"), [(f"char-lstm{SMALL}", 4000), ("char-ngram", 2000)])
def test_a_budget_in_seconds_prepares_what_it_can_read(
    entry: str, per_second: int, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "TRAINED_PER_SECOND", 4000)
    monkeypatch.setattr(encoding, "COUNTED_PER_SECOND", 2000)
    corpus = corpus_of(news)
    train = Experiment(parse_entry(entry), corpus, parse_budget("2s"), CPU, 0).train().record.train
    assert 0.7 * 2 * per_second < train.num_chars / train.num_epochs <= 2 * per_second
    assert 2 * per_second < 0.5 * len(corpus.split.train)
    train = Experiment(parse_entry(entry), corpus, parse_budget("3epochs"), CPU, 0).train().record.train
    assert train.num_chars / train.num_epochs > 0.9 * len(corpus.split.train)


def test_what_is_counted_is_bounded_under_any_budget(news: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_COUNTED", 2000)
    split, budget = corpus_of(news).split, parse_budget("5Mchars")
    for entry in ("char-ngram", "char-lstm+ngram"):
        assert 1000 < len(encoding.readable(split, parse_entry(entry), budget, CPU.device).train) <= 2000
    assert encoding.readable(split, parse_entry("char-lstm"), budget, CPU.device) is split
