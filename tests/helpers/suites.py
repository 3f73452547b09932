"""Suites and their results, as small as they can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from textgen.data.corpus import CorpusInfo, TextSources
from textgen.data.split import SplitInfo, SplitPart
from textgen.evaluation.intervals import INTERVAL_METHOD, Contrast, Estimate
from textgen.evaluation.scoring import ScoredUnits
from textgen.results.row import Row
from textgen.runtime.environment import Machine
from textgen.training.progress import Report
from textgen_suites.effects import PRIORS
from textgen_suites.result import CaseResult, Effect, QuestionResult, SuiteResult

PART = SplitPart(100, "0" * 64, (100,))
MACHINE = Machine("Xeon", 2, 2, None, "Linux")


def text(name: str) -> CorpusInfo:
    return CorpusInfo(name, "prose", 300, "0" * 64, SplitInfo("90/5/5", PART, PART, PART))


def measured_row(seed: int, bits: Sequence[float], real: Sequence[float]) -> Row:
    """A row by the bits per character of each stretch, and by the share of real words of each sample."""
    return Row(
        seed=seed,
        num_chars=None,
        num_updates=None,
        units=ScoredUnits((100,) * len(bits), tuple(100 * each for each in bits)),
        written={"real_word_rate": fmean(real)},
        pseudovalues={"real_word_rate": tuple(real)},
        machine=MACHINE,
    )


def case(label: str, bits: float = 2.0, **changes: Any) -> CaseResult:
    values = {
        "label": label,
        "entry": "char-lstm",
        "clean": "prose",
        "train_chars": 1000,
        "budget": "5s",
        "scored_text": "0" * 64,
        "runs": tuple(measured_row(seed, [bits] * 24, [0.75] * 24) for seed in range(3)),
        "bits_per_char": Estimate(bits, (bits - 0.1, bits + 0.1)),
        "real_word_rate": Estimate(0.75, (0.7, 0.8)),
    }
    return CaseResult(**values | changes)


def effect(label: str, value: float, width: float = 0.1, paired: bool = True) -> Effect:
    interval = (value - width, value + width)
    p_value = 0.01 if interval[0] > 0 or interval[1] < 0 else 0.5
    return Effect(label, "small", paired, Contrast(value, interval, p_value), None)


def question(
    name: str, cases: Sequence[CaseResult], effects: Sequence[Effect] = (), corpus: str = "news"
) -> QuestionResult:
    return QuestionResult(
        name=name,
        text="Which size?",
        cumulative=False,
        sampler="temperature:entropy=1.10",
        corpus=text(corpus),
        held_out={"real_word_rate": 0.95},
        lexicons=("glove (en)",),
        cases=tuple(cases),
        effects=tuple(effects),
    )


def suite_result(corpus: str, *questions: QuestionResult, **changes: Any) -> SuiteResult:
    values = {
        "command": None,
        "made": "2026-11-29",
        "suite": "A suite",
        "corpus": text(corpus),
        "sources": TextSources(),
        "budget": "5s",
        "num_seeds": 3,
        "num_jobs": 1,
        "device": "cpu",
        "precision": "fp32",
        "versions": {"torch": "2.9"},
        "machine": MACHINE,
        "interval_method": INTERVAL_METHOD,
        "seed_priors": PRIORS,
        "questions": questions,
        "failures": {},
    }
    return SuiteResult(**values | changes)


TINY_SUITE = """
title = "A tiny suite"
budget = "3000chars"
seeds = 2
sampler = "temperature"
[[questions]]
name = "size"
text = "Which size?"
cases = [
    { label = "small", entry = "char-ngram" },
    { label = "chance", entry = "char-uniform" },
    { label = "wild", entry = "char-lstm:num_layers=1,batch_size=4,learning_rate=1e30" },
]
[[questions]]
name = "text"
text = "Which text?"
cumulative = true
cases = [
    { label = "all", entry = "char-ngram" },
    { label = "a third", entry = "char-ngram", train_share = 30 },
    { label = "letters", entry = "char-ngram", clean = "letters" },
]
"""
"""Two questions about benches of three texts; one entry diverges."""


def write_suite(folder: Path, text: str = TINY_SUITE) -> str:
    path = folder / "tiny.toml"
    path.write_text(text)
    return str(path)


def remarks(said: list[str]) -> Report:
    """Return what is told of steps, and keeps their remarks."""
    return lambda step: said.append(step.remark) if step.remark else None
