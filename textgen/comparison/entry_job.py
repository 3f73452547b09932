"""The job of an entry with one seed: one process trains it, another one scores what was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar, cast

from safetensors import SafetensorError

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.sources import STANDARD_INPUT, withhold_texts
from textgen.experiment.entry_result import EntryResult, FailedEntry, RunResult, Sample
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import seconds_of
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import SavedRun
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend
from textgen.jobs.kept import kept_run, run_and_save
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.results.details import DetailsReader, EntryDetails, WrittenTexts
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.files import NotSavedError, make_folder
from textgen.training.progress import Report, Step
from textgen.workers.pool import Unsaved

Result = TypeVar("Result")
SEALED_SPLIT = "95/5/0"
"""The split of a text of which another one is the test part, unless one is given: training and validation."""


@dataclass(frozen=True)
class TrainingJob:
    """An entry that is trained and kept beside `folder`, where another process then scores it."""

    experiment: Experiment
    """Its corpus has no test part."""
    plugin_files: Sequence[Path]
    folder: Path
    title: str
    expected_seconds: float
    before: None = None

    def compute(self, report: Report) -> None:
        """Train it, in a process that can read no corpus.

        If the disk is full, what scores it trains it again, or from the last checkpoint.
        """
        withhold_texts()
        make_folder(self.folder.parent)
        with locked_run(self.folder) as checkpoints, suppress(OSError, SafetensorError):
            trained = self.experiment.train(report, checkpoints)
            if not trained.is_apart:  # from an earlier attempt
                trained.keep(checkpoints, self.experiment.identity())


@dataclass(frozen=True)
class EntryJob(Generic[Result]):
    """An entry that is trained and scored, or whose run is loaded; `finish` makes the result of its run."""

    experiment: Experiment
    plugin_files: Sequence[Path]
    finish: Callable[[SavedRun, Report], Result]
    """A function that can be pickled, such as one that samples from the run."""
    folder: Path | None = None
    """The folder of its run, or the file in which its result is kept, beside its checkpoints; None for an
    entry that is not continued if it is interrupted."""
    keeps_run: bool = False
    """True if `folder` is that of the run."""
    title: str = ""
    expected_seconds: float = 0.0

    @property
    def before(self) -> TrainingJob | None:
        """The training of a new run, in a process without the text that is scored.

        None if that text is the validation part, which training needs.
        """
        if self.folder is None or (self.keeps_run and self.folder.exists()):
            return None
        corpus = self.experiment.corpus
        if not len(corpus.split.test):
            return None
        experiment = replace(self.experiment, corpus=corpus.without_test())
        return TrainingJob(experiment, self.plugin_files, self.folder, self.title, self.expected_seconds)

    def compute(self, report: Report) -> Result | Unsaved:
        """Return the result of what is trained, or train it."""
        try:
            if self.folder is None:
                run = self.experiment.run(report)
            elif self.keeps_run:
                kept = kept_run(self.folder, self.experiment, report)
                run = kept or run_and_save(self.experiment, self.folder, report)
            else:
                with locked_run(self.folder) as checkpoints:
                    run = self.experiment.run(report, checkpoints)
        except NotSavedError as error:
            cause = error.__cause__ or error
            reason = getattr(cause, "strerror", None) or one_line(cause, with_type=False)
            return Unsaved(self.finish(cast(SavedRun, error.result), report), reason)
        return self.finish(run, report)


def check_sealed(path: str, corpus: Corpus) -> None:
    """Raise `TextgenError` if there is no such file, without opening it, or if there is a test part."""
    if path != STANDARD_INPUT and not Path(path).is_file():
        raise TextgenError(f"no such file: {path}; --sealed needs a path, or - for standard input")
    if len(corpus.split.test):
        raise UsageError(f"a sealed text is the test part, so give the other one none, as by {SEALED_SPLIT}")


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
    return failures


def result_of(run: SavedRun, _: Report) -> RunResult:
    """Return the result of a run, such as a reference, that writes nothing."""
    return run.result


@dataclass(frozen=True, kw_only=True)
class EntryOutcome:
    """The outcome of one entry of a comparison."""

    row: EntryResult | FailedEntry
    details: EntryDetails | None = None
    samples: tuple[Sample, ...] = ()
    """The samples of the details."""
    texts: tuple[WrittenTexts, ...] = ()
    """The texts that its metrics are taken from."""

    @property
    def outcome(self) -> str:
        """The score, or the reason why there is none."""
        return self.row.outcome if isinstance(self.row, EntryResult) else self.row.error


@dataclass(frozen=True)
class WriteRow:
    """Makes the row of a comparison: a run, and what it writes with each sampler."""

    reader: DetailsReader
    samplers: Sequence[str]
    has_details: bool

    def __call__(self, run: SavedRun, report: Report) -> EntryOutcome:
        """Return the row of a run, the texts that its metrics are taken from, and perhaps details."""
        report(Step("writing samples", fraction=0.0))
        samplers = {spec: build_sampler(spec) for spec in self.samplers}
        seed, first = run.result.seed, self.samplers[0]
        written, texts = self.reader.writer.write(run, samplers, seed, self.reader.device_config)
        row = EntryResult(**vars(run.result), **vars(written))
        measured = WrittenTexts(name=row.name, seed=seed, sampler=first, texts=texts)
        if not self.has_details:
            return EntryOutcome(row=row, texts=(measured,))
        details, samples, swept = self.reader.read(run, written.samples, seed, report)
        kept = (measured, *(each for each in swept if each.sampler != first))
        return EntryOutcome(row=row, details=details, samples=samples, texts=kept)
