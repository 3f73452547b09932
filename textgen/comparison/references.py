"""Scores that entries are compared with: compressors, fixed entries, and models trained elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.corpus import Corpus
from textgen.data.split import Split
from textgen.evaluation.baselines import (
    DESCRIPTIONS,
    MAX_COMPRESSED_CHARS,
    MODULES,
    READING_ON,
    compressed_bits,
)
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_reference
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import MAX_REFERENCE_CHARS
from textgen.experiment.score_run import unit_sizes
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import contract_error, load, names, plugin_files
from textgen.results.comparison import ReferenceScore
from textgen.results.judge import reference_score
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import usable_cores, versions
from textgen.runtime.storage.cache import recalled, remember
from textgen.runtime.storage.json_records import from_values, to_values
from textgen.training.budget import Budget
from textgen.training.progress import DONE, FAILED, Report, Step

KIND = "references"
"""The folder of the cache with their scores."""
FORMAT = 1
"""Part of the identity of kept scores; to be raised whenever a reference gets another score of a text."""


@dataclass(frozen=True, eq=False)
class ReferenceJob:
    """References that are scored together, in a process of their own."""

    title: str
    identity: Sequence[Any]
    """What the scores depend on besides the text, as JSON values."""
    score: Callable[[Report], list[ReferenceScore]]
    plugin_files: Sequence[Path] = ()
    is_trained: bool = False
    """True for an entry that is trained by gradient."""
    folder: None = None

    def compute(self, report: Report) -> list[ReferenceScore]:
        """Return the scores."""
        return self.score(report)


def score_references(
    entries: Sequence[Entry],
    corpus: Corpus,
    budget: Budget,
    device_config: DeviceConfig,
    max_silence: float,
    *,
    uses_cache: bool = True,
) -> list[ReferenceScore]:
    """Return the scores of compressors and of reference entries that are not compared anyway.

    They are kept in the cache, so that a text is scored once. One that fails, or that makes no progress for
    `max_silence` seconds, is left out with a `TextgenWarning`.
    """
    jobs = _jobs(entries, corpus, budget, device_config)
    kept = _kept(jobs, corpus) if uses_cache else {}
    # Beside others, an entry that is trained for a time would be trained less.
    is_alone = budget.is_timed and any(job.is_trained for job in jobs)
    backend = LocalBackend(1 if is_alone else max(1, int(usable_cores())))
    missing = [job for job in reversed(jobs) if job.title not in kept]  # compressors are quicker
    for job, outcome in run_jobs(missing, list[ReferenceScore], backend, max_silence=max_silence):
        if outcome.result is None:
            problem = f"skipped the reference {job.title}: {outcome.failure}"
            warnings.warn(problem, TextgenWarning, stacklevel=2)
            continue
        kept[job.title] = outcome.result
        if uses_cache:
            remember(KIND, to_values(outcome.result), *_place(job, corpus))
    return [score for job in jobs for score in kept.get(job.title, ())]


def has_references(
    entries: Sequence[Entry], corpus: Corpus, budget: Budget, device_config: DeviceConfig
) -> bool:
    """Return whether the cache has all scores that `score_references` returns."""
    with warnings.catch_warnings(action="ignore"):  # which scoring them repeats
        jobs = _jobs(entries, corpus, budget, device_config)
    return len(_kept(jobs, corpus)) == len(jobs)


def _kept(jobs: Iterable[ReferenceJob], corpus: Corpus) -> dict[str, list[ReferenceScore]]:
    """Return the scores of jobs that the cache has, by their titles."""
    kept: dict[str, list[ReferenceScore]] = {}
    for job in jobs:
        with suppress(ValueError):  # it has not been scored, or by another version
            kept[job.title] = from_values(list[ReferenceScore], recalled(KIND, *_place(job, corpus)))
    return kept


def _place(job: ReferenceJob, corpus: Corpus) -> tuple[Any, ...]:
    """Return what the scores of a job depend on, as JSON values."""
    return FORMAT, to_values(corpus.info.split), versions(), *job.identity


def _jobs(
    entries: Sequence[Entry], corpus: Corpus, budget: Budget, device_config: DeviceConfig
) -> list[ReferenceJob]:
    """Return the jobs of compressors and of reference entries that are not compared anyway."""
    share = min(100.0, 100 * MAX_REFERENCE_CHARS / len(corpus.split.train))
    text = corpus if share == 100 else corpus.with_training(share)
    config = replace(device_config, precision="fp32")
    others = (Experiment(entry, text, budget, config, seed=0) for entry in reference_entries(entries))
    return [*_compressor_jobs(corpus.split), *map(_job, others)]


def _job(experiment: Experiment) -> ReferenceJob:
    """Return the job of a reference entry; of the budget, its score depends on how much text is read."""
    entry = experiment.entry
    reads = str(experiment.budget) if entry.is_trainable else len(experiment.read.train)
    device = experiment.device_config.device.type
    identity = entry.name, entry.parts, entry.options, entry.code, reads, device
    score, files = partial(_entry_scores, experiment), plugin_files(entry.components.values())
    return ReferenceJob(entry.name, identity, score, files, entry.is_trainable)


def _entry_scores(experiment: Experiment, report: Report) -> list[ReferenceScore]:
    """Train and score a reference entry; raises `TextgenError` if its score means nothing."""
    result = experiment.run(report).result
    score = result.test or result.validation
    if score is None or score.units is None or result.problem is not None:
        raise TextgenError(result.problem or "it has no score")
    return [reference_score(result.name, experiment.entry.description, score.units)]


def _compressor_jobs(split: Split) -> Iterator[ReferenceJob]:
    """Yield the jobs of the compressors that are installed."""
    train, stretches = split.train.text[-MAX_COMPRESSED_CHARS:], split.held_out.stretches()
    for name, module in MODULES.items():
        if find_spec(module):
            yield ReferenceJob(name, [name], partial(_compressor_scores, name, train, stretches))


def _compressor_scores(
    name: str,
    train_text: str,
    stretches: Sequence[str],
    report: Report,  # noqa: ARG001 - it is quick
) -> list[ReferenceScore]:
    """Return the scores of a compressor that is given the training text."""
    sizes = tuple(map(len, stretches))
    return [
        reference_score(each, DESCRIPTIONS[each], ScoredUnits(sizes, bits), reads_on=each == READING_ON)
        for each, bits in compressed_bits(name, train_text, stretches).items()
    ]


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
            warnings.warn(f"{error}; this row is missing from the comparison", TextgenWarning, stacklevel=2)
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


def _yardstick_scores(
    name: str, stretches: Sequence[str], device: torch.device, report: Report
) -> list[ReferenceScore]:
    """Return the score of a yardstick."""
    report(Step("loading"))
    yardstick = open_yardstick(name)
    scored = yardstick.score(stretches, device, lambda share: report(Step("scoring", fraction=share)))
    bits = []
    for text, each in zip(stretches, scored, strict=True):
        if each.shape != (len(text),) or not np.isfinite(each).all():
            raise contract_error(yardstick, "does not yield one finite number for each character")
        bits.append(each)
    sizes = unit_sizes([*map(len, stretches)])
    begins = np.cumsum([0, *sizes[:-1]])
    units = ScoredUnits(sizes, tuple(np.add.reduceat(np.concatenate(bits), begins).tolist()))
    return [
        reference_score(
            name, yardstick.description, units, num_parameters=yardstick.num_parameters, is_pretrained=True
        )
    ]


def score_yardsticks(
    yardsticks: Sequence[str], corpus: Corpus, device: torch.device, max_silence: float, report: Report
) -> tuple[list[ReferenceScore], dict[str, str]]:
    """Return the scores of yardsticks, each computed in a process of its own, and why others have none."""
    scores, failures, stretches = list[ReferenceScore](), dict[str, str](), corpus.split.held_out.stretches()
    jobs = [
        ReferenceJob(
            text,
            (),
            partial(_yardstick_scores, text, stretches, device),
            plugin_files([("yardstick", text.partition(":")[0])]),
        )
        for text in yardsticks
    ]
    made = run_jobs(
        jobs,
        list[ReferenceScore],
        LocalBackend(),
        on_step=lambda job, step: report(replace(step, entry=job.title)),
        max_silence=max_silence,
    )
    for job, outcome in made:
        if outcome.result is None:
            failures[job.title] = outcome.failure
            report(Step(FAILED, job.title, outcome=outcome.failure))
        else:
            scores += outcome.result
            said = f"{corpus.split.scored_on} {scores[-1].bits_per_char:.3f} bits/char"
            report(Step(DONE, job.title, outcome=said))
    return scores, failures
