"""Summaries of runs and other results, the report of any result, and the regeneration of its page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import RunResult, RunSettings, Sample
from textgen.reports.document import Block, Report, SampleGroup, Samples, Section, lines
from textgen.reports.formats import plain, short
from textgen.reports.html import to_html
from textgen.results.items import read_result
from textgen.results.names import HAS_PAGE, find
from textgen.results.result_kind import kind_of
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.result_folders import PAGE

PROMPT = '"Once upon a time"'
"""The prompt of a suggested command."""


def report(name: str | Path, *, with_models: bool = False) -> Path:
    """Regenerate the HTML report of a bench, ladder, suite or study; return its path.

    `name` is a folder, part of its name, or `latest`. `with_models` embeds the small recurrent character
    models of a bench in its page, to write with. Raises `TextgenError` if there is no such result.
    """
    found = find(str(name), chosen=HAS_PAGE)
    if with_models and not found.kind.has_models:
        raise UsageError("with_models only has an effect on the page of a bench; leave it out")
    page = found.path / PAGE
    write_file(page, to_html(found.kind.page(read_result(found), found.path, with_models=with_models)))
    return page


def document(result: Any, folder: Path = Path()) -> Report:
    """Return the report of a result saved in `folder`."""
    made: Report = kind_of(result).report(result, folder)
    return made


def brief_report(kind: str, result: Any, texts: Sequence[str], advice: str, *more: Block) -> Report:
    """Return a short report of a result: a few lines, the first of which is the answer."""
    answer, *others = texts
    sections = [Section(kind, "", [lines(others)]), Section("samples", "Samples", more)]
    return Report(kind=kind, result=result, title="", answer=answer, advice=advice, sections=sections)


def run_report(folder: Path, settings: RunSettings, result: RunResult, samples: Sequence[Sample]) -> Report:
    """Return the report of a run: its score, its training and some samples."""
    groups = [
        SampleGroup(plain(each.prompt) or "(no prompt)", each.sampler, [(f"seed {each.seed}", each.text)])
        for each in samples
    ]
    advice = command("sample", str(folder), "--prompt", PROMPT)
    return brief_report("run", result, run_lines(settings, result), advice, Samples(groups))


def run_lines(settings: RunSettings, result: RunResult) -> list[str]:
    """Return lines on a run's score, where its bits go, its speed and its size."""
    part, score = ("test", result.test) if result.test else ("validation", result.validation)
    about = [f"{result.name} has no rank: {result.problem}"]
    if score is not None and result.problem is None:
        about = [
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
    return [*about, f"{short(train.num_chars)} characters in {speed}{epochs}; {size}"]


def score_line(score: Score, text: str) -> str:
    """Return a score on a text, with its interval."""
    interval = ""
    if score.interval is not None:
        interval = " (95 % interval {:.3f} to {:.3f})".format(*score.interval)
    return f"{score.bits_per_char:.3f} bits per character of {text}{interval}"


def bits_line(score: Score) -> str:
    """Return a line with the share of the bits spent on each kind of text."""
    shares = {name: 100 * bits / (score.bits_per_char or 1.0) for name, bits in score.named_bits.items()}
    return "these bits are spent on: " + ", ".join(f"{name} {share:.0f} %" for name, share in shares.items())


def command(*words: str) -> str:
    """Return a textgen command as typed in a shell."""
    return f"textgen {' '.join(word if word == PROMPT else shlex.quote(word) for word in words)}"
