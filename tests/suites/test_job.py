"""What identifies a job, and so its measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from textgen.data.corpus import load_corpus
from textgen.evaluation.text_metrics import Lexicon, TextAnalyzer
from textgen.experiment.entry_parser import parse_entry
from textgen.jobs.backends import Backend, LocalBackend
from textgen.runtime import environment
from textgen.runtime.device import DeviceConfig
from textgen.suites.job import SuiteJob, job_machine
from textgen.suites.schema import Case
from textgen.training.budget import parse_budget

CPU = DeviceConfig(torch.device("cpu"), "fp32")
TINY = "char-lstm:num_layers=1,hidden_size=16,batch_size=4,num_validations=2"
TEXT = ["lee"]


def job(case: Case, corpus: Any, budget: str, seed: int = 0, backend: Backend | None = None) -> SuiteJob:
    """Return the job of a case, whose analyzer and folder do not matter here."""
    return SuiteJob(
        case,
        parse_entry(case.entry),
        corpus,
        parse_budget(budget),
        CPU,
        seed,
        job_machine(backend or LocalBackend()),
        analyzer=TextAnalyzer(corpus.split.train.text, Lexicon()),
        plugin_files=(),
        folder=Path(),
    )


def test_a_measurement_is_known_by_all_that_decides_it() -> None:
    corpus = load_corpus(TEXT, max_chars=20_000)
    case = Case(label="a", entry=TINY)

    def key(case: Case = case, corpus: Any = corpus, budget: str = "3000chars", seed: int = 0) -> str:
        return job(case, corpus, budget, seed).key()

    assert key() == key(case.model_copy(update={"label": "another name"}))
    others = [
        key(seed=1),
        key(budget="4000chars"),
        key(corpus=corpus.with_training(50)),
        key(Case(label="a", entry=f"{TINY},dropout=0.5")),
        key(Case(label="a", entry=TINY, samplers=("greedy",))),
    ]
    assert len({key(), *others}) == 6


def test_a_timed_measurement_is_known_by_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, case = load_corpus(TEXT, max_chars=20_000), Case(label="a", entry=TINY)

    def key(budget: str = "5s", num_jobs: int = 1) -> str:
        return job(case, corpus, budget, backend=LocalBackend(num_jobs)).key()

    def keys(num_cores: float, limit: int = 64) -> tuple[str, str]:
        monkeypatch.setattr("textgen.jobs.backends.usable_cores", lambda: num_cores)
        monkeypatch.setattr(environment, "usable_cores", lambda: num_cores)
        monkeypatch.setattr(torch, "get_num_threads", lambda: limit)
        return key(), key("3000chars")

    shares = [keys(2), keys(64), keys(1.5), keys(0.5), keys(64, limit=2)]
    assert len({timed for timed, _ in shares}) == 5
    assert len({counted for _, counted in shares}) == 1
    assert key(num_jobs=2) != key()
