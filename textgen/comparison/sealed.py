"""A sealed text: entries are ranked by a file that no process opens before all of them are trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textgen.comparison.entry_job import TrainingJob
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import seconds_of
from textgen.jobs.backends import Backend
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.runtime.messages import UsageError
from textgen.training.progress import Report, Step

SPLIT = "95/5/0"
"""The split of the other text, unless another one is given: into training and validation."""


def check_sealed(path: str, corpus: Corpus) -> None:
    """Raise `TextgenError` if there is no such file, without opening it, or if there is a test part."""
    if not Path(path).is_file():
        raise TextgenError(f"no such file: {path}; --sealed needs the path of a text")
    if len(corpus.split.test):
        raise UsageError(f"a sealed text is the test part, so give the other one none, as by {SPLIT}")


def train_all(
    experiments: Mapping[Path, Experiment], backend: Backend, max_silence: float, report: Report
) -> dict[Path, str]:
    """Train the entries of all runs that are not there yet; return why some of them failed, by their folders.

    They are kept beside the folders of their runs.
    """
    jobs = [
        TrainingJob(
            experiment,
            plugin_files(experiment.entry.components.values()),
            folder,
            title=f"{experiment.entry.name}, {experiment.budget}, seed {experiment.seed}",
            expected_seconds=seconds_of(folder, experiment),
        )
        for folder, experiment in experiments.items()
        if not folder.exists()
    ]
    progress, failures = PlanProgress(jobs, report), dict[Path, str]()
    for job, outcome in run_jobs(
        progress.starting(), type(None), backend, on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.failure:
            failures[job.folder] = outcome.failure
    report(Step("opening the sealed text"))
    return failures
