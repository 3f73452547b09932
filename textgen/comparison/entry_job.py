"""The job of an entry with one seed: one process trains it, then reads what is scored, and lets it write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar, cast

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult, FailedEntry, RunResult, Sample
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import TRAINING, stages_of
from textgen.experiment.origin import origin_entry, origin_folder, start_of, text_and_budget
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import SavedRun, load_run
from textgen.experiment.trained_entry import TrainedEntry
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend, LocalBackend
from textgen.jobs.kept import kept_manifest, make_and_save
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.results.details import DetailsReader, EntryDetails, WrittenTexts
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.files import NotSavedError, make_folder
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, Stage, Step, filled_in
from textgen.workers.pool import Unsaved
from textgen.workers.process import received

Result = TypeVar("Result")
"""What a job comes to."""
SEALED_SPLIT = "95/5/0"
"""The split of a text of which another one is the test part, unless one is given: training and validation."""


@dataclass(frozen=True)
class TrainingJob:
    """An entry that is trained and kept beside `folder`, where it is scored later."""

    experiment: Experiment
    """Its corpus has no test part."""
    plugin_files: Sequence[Path]
    folder: Path
    title: str

    def compute(self, report: Report) -> None:
        """Train it; if the disk is full, it is trained again when it is scored."""
        make_folder(self.folder.parent)
        with locked_run(self.folder) as checkpoints:
            self.experiment.train(report, checkpoints)


Finish: TypeAlias = Callable[[SavedRun, Report], Result]
"""What is done with a run once it is scored; it can be pickled."""


@dataclass(frozen=True)
class EntryJob(Generic[Result]):
    """An entry that is trained and scored, or whose run is loaded, and that then writes.

    Its process gets the text that is scored, and what was made of that, once the entry is trained.
    """

    experiment: Experiment
    plugin_files: Sequence[Path]
    finish: Finish[Result] | None
    folder: Path | None = None
    """The folder of its run, or the file in which its result is kept, beside its checkpoints; None for an
    entry that is not continued if it is interrupted."""
    keeps_run: bool = False
    """True if `folder` is that of the run."""
    title: str = ""

    @property
    def withheld(self) -> tuple[Corpus, Finish[Result] | None]:
        """What is sent apart, and only read when the entry is trained."""
        return self.experiment.corpus, self.finish

    def __getstate__(self) -> dict[str, Any]:
        corpus = self.experiment.corpus
        told = corpus.without_test() if len(corpus.split.test) else corpus  # training needs validation
        return vars(self) | {"experiment": replace(self.experiment, corpus=told), "finish": None}

    @cached_property
    def opened(self) -> tuple[Corpus, Finish[Result]]:
        """The corpus with the text that is scored, and the finish; read when it is first asked for."""
        if self.finish is not None:
            return self.experiment.corpus, self.finish
        corpus, finish = received()
        return corpus, finish

    def compute(self, report: Report) -> Result | Unsaved:
        """Return the result of the run that is there, or of a new one."""
        report, folder = filled_in(report, entry=self.experiment.entry.name), self.folder
        if folder is None:
            run = self._run(report)
        elif not self.keeps_run:
            with locked_run(folder) as checkpoints:
                run = self._run(report, checkpoints)
        elif kept_manifest(folder, report) is not None:
            run = load_run(folder, self.experiment.device_config.device)
        else:
            try:
                run = make_and_save(partial(self._run, report), folder)
            except NotSavedError as error:
                cause = error.__cause__ or error
                reason = getattr(cause, "strerror", None) or one_line(cause, with_type=False)
                return Unsaved(self.opened[1](cast(SavedRun, error.result), report), reason)
        return self.opened[1](run, report)

    def _run(self, report: Report, checkpoints: Path | None = None) -> SavedRun:
        """Return the run, trained before the text is there that is scored."""
        trained = self._trained(report, checkpoints)
        return replace(self.experiment, corpus=self.opened[0]).score(trained, report)

    def _trained(self, report: Report, checkpoints: Path | None) -> TrainedEntry:
        return self.experiment.train(report, checkpoints)


def check_sealed(path: str, corpus: Corpus) -> None:
    """Raise `TextgenError` if there is no such file, without opening it, or if there is a test part."""
    if not Path(path).is_file():
        raise TextgenError(f"no such file: {path}")
    if len(corpus.split.test):
        raise UsageError(f"a sealed text replaces the test part; split off none, as with {SEALED_SPLIT}")


def train_all(
    experiments: Mapping[Path, Experiment],
    backend: Backend,
    max_silence: float,
    report: Report,
    then: Iterable[Stage],
) -> dict[Path, str]:
    """Train the entries of all runs that are not there yet; return why some of them failed, by their folders.

    They are kept beside the folders of their runs. `then` are the stages that follow, besides training.
    """
    jobs = [
        TrainingJob(
            experiment,
            plugin_files(experiment.entry.components.values()),
            folder,
            title=f"{experiment.entry.name}, {experiment.budget}, seed {experiment.seed}",
        )
        for folder, experiment in experiments.items()
        if not folder.exists()
    ]
    stages = chain.from_iterable(stages_of(job.title, job.experiment, job.folder)[:2] for job in jobs)
    later = (each for each in then if each.state != TRAINING)
    if jobs:
        report(Step("", total=len(jobs), stages=(*stages, *later)))
    progress, failures = PlanProgress(jobs, report), dict[Path, str]()
    for job, outcome in run_jobs(
        progress.starting(), type(None), backend, on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.failure:
            failures[job.folder] = outcome.failure
    return failures


def only_score(run: SavedRun, report: Report) -> RunResult:  # noqa: ARG001
    """Make the result of a job that of its run, such as a reference."""
    return run.result


def make_origins(
    entries: Iterable[Entry],
    device_config: DeviceConfig,
    report: Report,
    max_silence: float | None = None,
    then: Iterable[Stage] = (),
) -> None:
    """Train what entries start from, with seed 0, unless the cache has it; an interrupted one is continued.

    It is announced, with the time of the stages that follow. Raises `TextgenError` if one fails.
    """
    jobs = dict[Path, EntryJob[RunResult]]()
    for entry in entries:
        wanted = text_and_budget(start_of(entry))
        if wanted is None or (folder := origin_folder(entry)).exists() or folder in jobs:
            continue
        source, amount = wanted
        budget, corpus, origin = parse_budget(amount), load_corpus([source]), parse_entry(origin_entry(entry))
        jobs[folder] = EntryJob(
            Experiment(origin, corpus, budget, device_config, seed=0),
            plugin_files(origin.components.values()),
            only_score,
            folder,
            keeps_run=True,
            title=f"{origin.name} on {source}",
        )
        once = f"training {origin.name} on {source} for {budget}, once; it is kept in the cache"
        report(Step("", remark=f"first, for {entry.name}: {once}"))
    if jobs:
        stages = (stages_of(job.title, job.experiment, folder)[:3] for folder, job in jobs.items())
        report(Step("", stages=(*chain.from_iterable(stages), *then)))
    progress = PlanProgress(list(jobs.values()), report)
    for job, outcome in run_jobs(
        progress.starting(), RunResult, LocalBackend(), on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.failure:
            raise TextgenError(f"{job.title}, the starting point of an entry, failed: {outcome.failure}")


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
        result, seed, first, writer = run.result, run.result.seed, self.samplers[0], self.reader.writer
        shown, texts = writer.write(run, samplers, seed, self.reader.device_config)
        shares = tuple(writer.analyzer.made_up_share(moment.text) for moment in result.train.moments)
        row = EntryResult(**vars(result), **vars(replace(shown, made_up_shares=shares)))
        measured = WrittenTexts(name=result.name, seed=seed, sampler=first, texts=texts)
        if not self.has_details:
            return EntryOutcome(row=row, texts=(measured,))
        details, samples, swept = self.reader.read(run, shown, seed, report)
        kept = (measured, *(each for each in swept if each.sampler != first))
        return EntryOutcome(row=row, details=details, samples=samples, texts=kept)
