"""Suites and their results, as small as they can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from helpers.commands import TINY
from textgen.data.corpus import CorpusInfo, TextSources
from textgen.data.split import SplitInfo, SplitPart
from textgen.evaluation.intervals import INTERVAL_METHOD, SHIPPED_PRIORS, Contrast, Estimate
from textgen.evaluation.metrics import TextMetrics
from textgen.evaluation.scoring import ScoredUnits
from textgen.results.comparison import HeldOut
from textgen.results.row import Row
from textgen.runtime.environment import Machine
from textgen.training.progress import Report
from textgen_suites.result import CaseResult, Effect, QuestionResult, SuiteResult, Writing

PART = SplitPart(100, "0" * 64, (100,))


def metrics(real_word_rate: float, distinct_2: float | None = None) -> TextMetrics:
    others = ("distinct_1", "repetition_4", "self_bleu", "novel_4gram_rate", "compression_ratio")
    return TextMetrics(
        **dict.fromkeys(others),
        real_word_rate=real_word_rate,
        distinct_2=distinct_2,
        longest_verbatim_span=10,
        num_words=100,
        mean_word_length=4.5,
    )


def writing(
    temperature: float | None, entropy: float, real_word_rate: float, distinct_2: float = 0.5
) -> Writing:
    return Writing(
        metrics=metrics(real_word_rate, distinct_2), temperature=temperature, entropy_per_char=entropy
    )


MACHINE = Machine("Xeon", 2, 2, None, "Linux")


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


def case(label: str, bits: float = 2.0, rows: dict[str, Writing] | None = None, **changes: Any) -> CaseResult:
    rows = rows or {sampler: writing(0.8, 1.5, 0.7, 0.9) for sampler in ("mild", "warm")}
    values = {
        "label": label,
        "entry": "char-lstm",
        "clean": "prose",
        "train_share": 100,
        "max_chars": None,
        "budget": "5s",
        "samplers": tuple(rows),
        "num_seeds": 3,
        "scored_text": "0" * 64,
        "runs": tuple(measured_row(seed, [bits] * 24, [0.75] * 24) for seed in range(3)),
        "bits_per_char": Estimate(bits, (bits - 0.1, bits + 0.1)),
        "real_word_rate": Estimate(0.75, (0.7, 0.8)),
        "num_parameters": 10,
        "train_seconds": 5.0,
        "num_epochs": 1.0,
        "chars_per_second": 1000.0,
        "embedding": None,
        "writing": rows,
        "text": "Once.",
    }
    return CaseResult(**values | changes)


def effect(label: str, value: float, width: float = 0.1, paired: bool = True) -> Effect:
    interval = (value - width, value + width)
    p_value = 0.01 if interval[0] > 0 or interval[1] < 0 else 0.5
    return Effect(label, "small", paired, Contrast(value, interval, p_value), None)


def question(name: str, cases: Sequence[CaseResult], effects: Sequence[Effect]) -> QuestionResult:
    return QuestionResult(name, "Which size?", cumulative=False, cases=tuple(cases), effects=tuple(effects))


def suite_result(corpus: str, *questions: QuestionResult, **changes: Any) -> SuiteResult:
    values = {
        "command": None,
        "made": "2026-11-29",
        "suite": "A suite",
        "corpus": CorpusInfo(corpus, "prose", 300, "0" * 64, SplitInfo("90/5/5", PART, PART, PART)),
        "sources": TextSources(),
        "held_out": HeldOut(metrics(0.95), {}),
        "lexicons": None,
        "budget": "5s",
        "num_seeds": 3,
        "num_jobs": 1,
        "device": "cpu",
        "precision": "fp32",
        "versions": {"torch": "2.9"},
        "machine": MACHINE,
        "interval_method": INTERVAL_METHOD,
        "seed_priors": dict(SHIPPED_PRIORS),
        "questions": questions,
        "failures": {},
    }
    return SuiteResult(**values | changes)


TINY_SUITE = f"""
title = "A tiny suite"
budget = "3000chars"
seeds = 2
[[questions]]
name = "size"
text = "Which size?"
cases = [
    {{ label = "small", entry = "{TINY}" }},
    {{ label = "chance", entry = "random" }},
    {{ label = "wild", entry = "{TINY},learning_rate=1e30" }},
]
[[questions]]
name = "text"
text = "Which text?"
cumulative = true
cases = [
    {{ label = "all", entry = "{TINY}" }},
    {{ label = "a third", entry = "{TINY}", train_share = 30 }},
    {{ label = "letters", entry = "{TINY}", clean = "letters", samplers = ["greedy", "temperature"] }},
]
"""


def write_suite(folder: Path, text: str = TINY_SUITE) -> str:
    path = folder / "tiny.toml"
    path.write_text(text)
    return str(path)


def remarks(said: list[str]) -> Report:
    """Return what is told of steps, and keeps their remarks."""
    return lambda step: said.append(step.remark) if step.remark else None
