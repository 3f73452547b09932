"""Scores that entries are compared with: compressors and fixed entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from textgen.comparison.comparison_result import ReferenceScore
from textgen.comparison.entry_job import ReferenceJob
from textgen.comparison.verdicts import reference_score
from textgen.data.corpus import Corpus
from textgen.evaluation.baselines import DESCRIPTIONS, READING_ON, reference_scores
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.reference_entries import describe_entry, reference_entries
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import plugin_files
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import Budget

MAX_REFERENCE_CHARS = 16_000_000
"""Longest training text of a reference entry, in characters; of a longer one, each stretch is cut."""


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
    others = reference_entries([entry.name for entry in entries])
    jobs = [
        ReferenceJob(Experiment(entry, text, budget, config, seed=0), plugin_files(entry.components.values()))
        for entry in others
    ]
    made = run_jobs(jobs, RunResult, LocalBackend(), max_silence=max_silence)
    results = {job.experiment.entry.name: outcome.result for job, outcome in made}
    for entry in others:
        result = results[entry.name]
        score = (result.test or result.validation) if result else None  # a failure costs only its own row
        if result and score and score.units is not None and result.problem is None:
            yield reference_score(entry.name, describe_entry(entry), score.units)
