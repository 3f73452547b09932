"""A sealed text: entries are ranked by a file that no process opens before all of them are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import seconds_of
from textgen.jobs.backends import Backend
from textgen.jobs.kept import TrainingJob
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


@dataclass(frozen=True)
class TrainedOutcome:
    """The outcome of training."""

    outcome: str = "trained"


@dataclass(frozen=True)
class _PlannedTraining(TrainingJob):
    """The training of an entry whose score is computed much later."""

    title: str = ""
    expected_seconds: float = 0.0

    def compute(self, report: Report) -> TrainedOutcome:
        """Train it, in a process that can read no corpus."""
        super().compute(report)
        return TrainedOutcome()


def open_sealed(
    path: str | None,
    corpus: Corpus,
    experiments: Mapping[Path, Experiment],
    backend: Backend,
    *,
    max_silence: float,
    report: Report,
) -> tuple[Corpus, dict[Path, str]]:
    """Return the text with what was sealed, once all entries are trained, and why some could not be.

    Without a sealed text, nothing is done.
    """
    if path is None:
        return corpus, {}
    failures = train_all(experiments, backend, max_silence, report)
    return corpus.with_sealed(path), failures


def train_all(
    experiments: Mapping[Path, Experiment], backend: Backend, max_silence: float, report: Report
) -> dict[Path, str]:
    """Train the entries of all runs that are not there yet; return why some of them failed, by their folders.

    They are kept beside the folders of their runs.
    """
    jobs = [
        _PlannedTraining(
            folder,
            plugin_files(experiment.entry.components.values()),
            experiment,
            title=f"{experiment.entry.name}, {experiment.budget}, seed {experiment.seed}",
            expected_seconds=seconds_of(folder, experiment),
        )
        for folder, experiment in experiments.items()
        if not folder.exists()
    ]
    progress, failures = PlanProgress(jobs, report), dict[Path, str]()
    for job, outcome in run_jobs(
        progress.starting(), TrainedOutcome, backend, on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.result is None:
            failures[job.folder] = outcome.failure
    report(Step("opening the sealed text"))
    return failures
