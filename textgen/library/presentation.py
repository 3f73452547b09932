"""Runs in a few lines, and the report of any result."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings, Sample
from textgen.library.runs import Run
from textgen.library.training import how_to_look
from textgen.reports.document import Report
from textgen.reports.formats import short
from textgen.results.result_kind import kind_of

PROMPT = '"Once upon a time"'
"""The prompt of a suggested command."""
SHOWN_CHARS = 200
"""Characters of the sample at the end of training."""


def document(result: Any, folder: Path = Path()) -> Report:
    """Return the report of a result that is saved in `folder`."""
    report: Report = kind_of(result).report(result, folder)
    return report


def train_lines(folder: Path, settings: RunSettings, result: RunResult) -> list[str]:
    """Return how a run scores, where the bits go, how fast and large it is, and where it is saved."""
    part, score = ("test", result.test) if result.test else ("validation", result.validation)
    lines = [f"{result.name} has no rank: {result.problem}"]
    if score is not None and result.problem is None:
        lines = [
            f"{result.name} on {settings.corpus.name}: {score_line(score, f'the {part} text')}",
            *filter(None, [result.chance_remark]),
            bits_line(score),
        ]
    train = result.train
    epochs = f", {train.num_epochs:.1f} epochs" if train.num_updates else ", each counted once"
    if train.unused:
        epochs += f", {train.unused}"
    speed = f"{train.seconds:.0f} s ({short(train.chars_per_second)} per second)"
    size = f"{short(result.num_parameters)} parameters; {settings.device}, {settings.precision}"
    return [*lines, f"{short(train.num_chars)} characters in {speed}{epochs}; {size}", f"saved in {folder}"]


def train_remarks(run: Run, log: str | None) -> Iterator[str]:
    """Yield remarks on a training run besides its result, and how to view its log."""
    trained = run.result.train
    if trained.disturbance and run.settings.budget.is_timed:
        yield (
            f"other work slowed training down: it {trained.disturbance}; train on an idle machine, or for a "
            "number of characters (such as --budget 5Mchars)"
        )
    yield from trained.remarks
    if log is not None:
        yield f"look at the log with: {how_to_look(log, run.folder)}"


def first_sample(run: Run) -> list[str]:
    """Return a short text of a run that has just been trained; none if it cannot write."""
    with suppress(TextgenError):
        text = run.sample(length=SHOWN_CHARS)
        return [_sample_line(Sample("", defaults.SAMPLER, 0, text))]
    return []


def command(*words: str) -> str:
    """Return a command of textgen as one types it."""
    return f"textgen {' '.join(word if word == PROMPT else shlex.quote(word) for word in words)}"


def _sample_line(sample: Sample) -> str:
    return f"--- {sample.sampler}, seed {sample.seed}\n{sample.prompt + sample.text}"


def score_line(score: Score, text: str) -> str:
    """Return a score on a text, with its interval."""
    interval = ""
    if score.interval is not None:
        interval = " (95 % interval {:.3f} to {:.3f})".format(*score.interval)
    return f"{score.bits_per_char:.3f} bits per character of {text}{interval}"


def bits_line(score: Score) -> str:
    """Return the shares of the bits by what they are spent on."""
    shares = {name: 100 * bits / (score.bits_per_char or 1.0) for name, bits in score.named_bits.items()}
    return "where the bits go: " + ", ".join(f"{name} {share:.0f} %" for name, share in shares.items())
