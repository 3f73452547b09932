"""The jobs of a comparison: one entry with one seed, trained or loaded, scored and sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from textgen.experiment.entry_result import EntryResult, FailedEntry, RunResult, Sample
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.kept import TrainingJob, kept_run, run_and_save, training_before
from textgen.results.details import DetailsReader, EntryDetails, WrittenTexts
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import NotSavedError
from textgen.training.progress import Report, Step


@dataclass(frozen=True, kw_only=True)
class EntryOutcome:
    """The outcome of one entry."""

    row: EntryResult | FailedEntry
    details: EntryDetails | None = None
    samples: tuple[Sample, ...] = ()
    """The samples of the details."""
    texts: tuple[WrittenTexts, ...] = ()
    """The texts that its metrics are taken from."""
    unsaved: str | None = None
    """Why its run could not be saved."""

    @property
    def outcome(self) -> str:
        """The score, or the reason why there is none."""
        return self.row.outcome if isinstance(self.row, EntryResult) else self.row.error


@dataclass(frozen=True)
class EntryJob:
    """One entry with one seed: its run is in `folder`, or made and saved there."""

    folder: Path
    plugin_files: Sequence[Path]
    experiment: Experiment
    reader: DetailsReader
    samplers: Sequence[str]
    title: str
    expected_seconds: float
    has_details: bool

    @property
    def before(self) -> TrainingJob | None:
        """The training of a new run, in a process without the text that is scored."""
        if self.folder.exists():
            return None
        return training_before(self.experiment, self.folder, self.plugin_files)

    def compute(self, report: Report) -> EntryOutcome:
        """Return the outcome of what is trained, or train it."""
        experiment, unsaved = self.experiment, None
        try:
            run = kept_run(self.folder, experiment, report) or run_and_save(experiment, self.folder, report)
        except NotSavedError as error:
            run, unsaved = cast(SavedRun, error.result), _reason(error)
        report(Step("writing samples", fraction=0.0))
        samplers = {spec: build_sampler(spec) for spec in self.samplers}
        seed, first = experiment.seed, self.samplers[0]
        written, texts = self.reader.writer.write(run, samplers, seed, experiment.device_config)
        row = EntryResult(**vars(run.result), **vars(written))
        measured = WrittenTexts(name=row.name, seed=seed, sampler=first, texts=texts)
        if not self.has_details:
            return EntryOutcome(row=row, texts=(measured,), unsaved=unsaved)
        details, samples, swept = self.reader.read(run, written.samples, seed, report)
        kept = (measured, *(each for each in swept if each.sampler != first))
        return EntryOutcome(row=row, details=details, samples=samples, texts=kept, unsaved=unsaved)


@dataclass(frozen=True)
class ReferenceJob:
    """A reference entry: scored, not kept."""

    experiment: Experiment
    plugin_files: Sequence[Path]
    folder: None = None

    def compute(self, report: Report) -> RunResult:
        """Return the result."""
        return self.experiment.run(report).result


def _reason(error: NotSavedError) -> str:
    cause = error.__cause__ or error
    return getattr(cause, "strerror", None) or one_line(cause, with_type=False)
