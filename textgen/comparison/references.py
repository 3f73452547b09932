"""Scores that entries are compared with: compressors, fixed entries, and models trained elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.comparison.entry_job import EntryJob, only_score
from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.corpus import Corpus
from textgen.evaluation.baselines import DESCRIPTIONS, READING_ON, reference_scores
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_reference
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import MAX_REFERENCE_CHARS
from textgen.experiment.score_run import unit_sizes
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import contract_error, load, names, plugin_files
from textgen.results.comparison import ReferenceScore
from textgen.results.judge import reference_score
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import Budget
from textgen.training.progress import DONE, FAILED, Report, Step


def score_references(
    entries: Sequence[Entry], corpus: Corpus, budget: Budget, device_config: DeviceConfig, max_silence: float
) -> Iterator[ReferenceScore]:
    """Yield the scores of compressors and of reference entries that are not compared anyway.

    A reference entry that makes no progress for `max_silence` seconds, or that fails, is left out.
    """
    held_out = corpus.split.held_out
    for name, bits in reference_scores(corpus.split.train.text, held_out.stretches()).items():
        units = ScoredUnits(tuple(held_out.stretch_chars), bits)
        yield reference_score(name, DESCRIPTIONS[name], units, reads_on=name == READING_ON)
    share = min(100.0, 100 * MAX_REFERENCE_CHARS / len(corpus.split.train))
    text = corpus if share == 100 else corpus.with_training(share)
    config = replace(device_config, precision="fp32")
    others = reference_entries(entries)
    jobs = [
        EntryJob(
            Experiment(entry, text, budget, config, seed=0),
            plugin_files(entry.components.values()),
            only_score,
        )
        for entry in others
    ]
    made = run_jobs(jobs, RunResult, LocalBackend(), max_silence=max_silence)
    results = {job.experiment.entry.name: outcome.result for job, outcome in made}
    for entry in others:
        result = results[entry.name]
        score = (result.test or result.validation) if result else None  # a failure costs only its own row
        if result and score and score.units is not None and result.problem is None:
            yield reference_score(entry.name, entry.description, score.units)


def reference_entries(present: Iterable[Entry]) -> list[Entry]:
    """Return the installed reference entries that are not among the entries `present`, sorted by plugin name.

    Entries are the same if their parts and options are, however they are written. A broken reference is left
    out with a `TextgenWarning`.
    """
    present, references = list(present), list[Entry]()
    for name in names("reference"):
        try:
            entry = parse_reference(name)
        except TextgenError as error:
            warnings.warn(f"{error}; the comparison has no such row", TextgenWarning, stacklevel=2)
            continue
        known = [(other.parts, other.options) for other in (*present, *references)]
        if (entry.parts, entry.options) not in known:
            references.append(entry)
    return references


class Yardstick(Protocol):
    """A model that was trained elsewhere.

    A component of the kind `yardstick` is a function, or this class itself: it maps what follows the colon of
    `hf:models/gpt2` to a yardstick. It looks at the files without loading the model, and raises
    `TextgenError` if one is missing or unsafe.
    """

    description: str
    """What it is in a few words, once it has scored a text."""
    num_parameters: int

    def score(
        self, stretches: Sequence[str], device: torch.device, report: Callable[[float], None]
    ) -> Iterable[NDArray[np.float64]]:
        """Yield, for each stretch, the bits of its characters, those of a token at its first character.

        Each stretch begins afresh, and all tokens count; raises `TextgenError` if they do not spell the text.
        `report` is called with the share of the text that is scored.
        """


def open_yardstick(text: str) -> Yardstick:
    """Return the yardstick `NAME:PATH`; raises `TextgenError` if its files cannot be used."""
    name, _, path = text.partition(":")
    opens: Callable[[str], Yardstick] = load("yardstick", name)
    return opens(path)


@dataclass(frozen=True)
class YardstickJob:
    """A yardstick: scored, not kept."""

    name: str
    stretches: Sequence[str]
    device: torch.device
    plugin_files: Sequence[Path]
    folder: None = None

    def compute(self, report: Report) -> ReferenceScore:
        """Return the score."""
        report(Step("loading"))
        yardstick = open_yardstick(self.name)
        scored = yardstick.score(
            self.stretches, self.device, lambda share: report(Step("scoring", fraction=share))
        )
        bits = []
        for text, each in zip(self.stretches, scored, strict=True):
            if each.shape != (len(text),) or not np.isfinite(each).all():
                raise contract_error(yardstick, "does not yield one finite number for each character")
            bits.append(each)
        sizes = unit_sizes([*map(len, self.stretches)])
        begins = np.cumsum([0, *sizes[:-1]])
        units = ScoredUnits(sizes, tuple(np.add.reduceat(np.concatenate(bits), begins).tolist()))
        return reference_score(
            self.name,
            yardstick.description,
            units,
            num_parameters=yardstick.num_parameters,
            is_pretrained=True,
        )


def score_yardsticks(
    yardsticks: Sequence[str], corpus: Corpus, device: torch.device, max_silence: float, report: Report
) -> tuple[list[ReferenceScore], dict[str, str]]:
    """Return the scores of yardsticks, each computed in a process of its own, and why others have none."""
    scores, failures, stretches = list[ReferenceScore](), dict[str, str](), corpus.split.held_out.stretches()
    jobs = [
        YardstickJob(text, stretches, device, plugin_files([("yardstick", text.partition(":")[0])]))
        for text in yardsticks
    ]
    made = run_jobs(
        jobs,
        ReferenceScore,
        LocalBackend(),
        on_step=lambda job, step: report(replace(step, entry=job.name)),
        max_silence=max_silence,
    )
    for job, outcome in made:
        if outcome.result is None:
            failures[job.name] = outcome.failure
            report(Step(FAILED, job.name, outcome=outcome.failure))
        else:
            scores.append(outcome.result)
            said = f"{corpus.split.scored_on} {outcome.result.bits_per_char:.3f} bits/char"
            report(Step(DONE, job.name, outcome=said))
    return scores, failures
