"""The job of an entry with one seed: its process judges what others train, tokenize, predict and write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from safetensors import SafetensorError

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.sources import STANDARD_INPUT, withhold_texts
from textgen.experiment.entry import Entry
from textgen.experiment.entry_processes import RunHost, assistants, heard, say
from textgen.experiment.entry_result import EntryResult, FailedEntry, RunResult, Sample, SampleSet
from textgen.experiment.experiment import Experiment, ScoredEntry
from textgen.experiment.forecast import expected_seconds, seconds_of
from textgen.experiment.origin import origin_entry, origin_folder, start_of, text_and_budget
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import RunFiles, SavedRun
from textgen.experiment.trained_entry import kept_entry, received_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend, LocalBackend
from textgen.jobs.kept import kept_manifest, make_and_save
from textgen.jobs.plugin_code import read_entry
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.results.details import DetailsReader, EntryDetails, WrittenTexts
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import threads_beside_others
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.files import NotSavedError, make_folder
from textgen.runtime.storage.json_records import from_values
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import DAMAGE
from textgen.training.progress import Report, Step, filled_in, seldom
from textgen.workers.assistant import Host, OpensHost
from textgen.workers.pool import Unsaved

Written = TypeVar("Written")
Result_co = TypeVar("Result_co", covariant=True)
"""What a job comes to."""
SEALED_SPLIT = "95/5/0"
"""The split of a text of which another one is the test part, unless one is given: training and validation."""


@dataclass(frozen=True)
class TrainerHost:
    """Trains an entry, in a process without the scored text that can read no corpus."""

    experiment: Experiment

    def train(self, checkpoints: Path | None) -> dict[str, Any]:
        """Train, keep the entry until it is scored if the disk has room, and return it as plain values."""
        trained = self.experiment.train(seldom(say), checkpoints)
        if checkpoints is not None and not trained.is_apart:  # otherwise it is from an earlier attempt
            with suppress(OSError, SafetensorError):
                trained.keep(checkpoints, self.experiment.identity())
        return trained.sent()


@dataclass(frozen=True)
class TrainingJob:
    """An entry that is trained and kept beside `folder`, where it is scored later."""

    experiment: Experiment
    """Its corpus has no test part."""
    plugin_files: Sequence[Path]
    folder: Path
    title: str
    expected_seconds: float
    num_assistants: int = 0

    def compute(self, report: Report) -> None:  # noqa: ARG002 - it says its steps itself
        """Train it; if the disk is full, it is trained again when it is scored."""
        withhold_texts()
        make_folder(self.folder.parent)
        with locked_run(self.folder) as checkpoints:
            TrainerHost(self.experiment).train(checkpoints)


class Finish(Protocol[Written, Result_co]):
    """What is done with a run when it is scored; it can be pickled."""

    @property
    def written(self) -> type[Written]:
        """The type of what the run writes."""

    def write(self, run: SavedRun, report: Report) -> Written:
        """Let the run write, in a process that runs its code."""

    def result(self, result: RunResult, written: Written) -> Result_co:
        """Return the result of the job, in a process that does not."""


@dataclass(frozen=True)
class EntryJob(Generic[Written, Result_co]):
    """An entry that is trained and scored, or whose run is loaded, and that then writes.

    Its own process has the text and runs no code of the entry; that is trained, tokenizes, is scored and
    writes in its assistants, which are told what they need.
    """

    experiment: Experiment
    plugin_files: Sequence[Path]
    finish: Finish[Written, Result_co]
    folder: Path | None = None
    """The folder of its run, or the file in which its result is kept, beside its checkpoints; None for an
    entry that is not continued if it is interrupted."""
    keeps_run: bool = False
    """True if `folder` is that of the run."""
    title: str = ""
    expected_seconds: float = 0.0
    num_assistants: int = 4
    """They train, tokenize and predict; the last one only where not all is told token by token."""

    def compute(self, report: Report) -> Result_co | Unsaved:
        """Return the result of what is trained, or train it."""
        report = filled_in(report, entry=self.experiment.entry.name)
        opens = assistants(self.plugin_files)
        if self.folder is None:
            return self._finished(self._scored(None, opens, report), report)
        if not self.keeps_run:
            with locked_run(self.folder) as checkpoints:
                scored = self._scored(checkpoints, opens, report)
            return self._finished(scored, report)
        if (kept := kept_manifest(self.folder, report)) is not None:
            host = opens(partial(RunHost, self.folder, self.experiment.device_config.device))
            return self._written(kept.result, host, report)
        try:
            scored = make_and_save(partial(self._scored, opens=opens, report=report), self.folder)
        except NotSavedError as error:
            cause = error.__cause__ or error
            reason = getattr(cause, "strerror", None) or one_line(cause, with_type=False)
            return Unsaved(self._finished(cast(ScoredEntry, error.result), report), reason)
        return self._finished(scored, report)

    def _scored(self, checkpoints: Path | None, opens: OpensHost, report: Report) -> ScoredEntry:
        """Return the entry, trained by one assistant and scored with others."""
        experiment, corpus = self.experiment, self.experiment.corpus
        has_test = bool(len(corpus.split.test))  # otherwise validation is scored, which training needs
        if (trained := kept_entry(checkpoints, experiment.identity())) is None:
            told = replace(experiment, corpus=corpus.without_test()) if has_test else experiment
            host = opens(partial(TrainerHost, told))
            try:
                sent = host.ask("train", checkpoints, hear=heard(report))
            finally:
                host.end()
            try:
                trained = received_entry(sent)
            except DAMAGE as error:
                raise TextgenError("the process that trained it answers nonsense") from error
        opens = assistants(self.plugin_files, threads_beside_others())
        return experiment.score(replace(trained, is_apart=has_test), opens, report)

    def _finished(self, scored: ScoredEntry, report: Report) -> Result_co:
        files = replace(scored.files, weights={})  # which it has
        return self._written(files.result, scored.model, report, files)

    def _written(self, result: RunResult, host: Host, report: Report, *files: RunFiles) -> Result_co:
        """Return the result of a run that a process has, which is told by now what it was not to know."""
        values = host.ask("write", self.finish.write, *files, hear=heard(report))
        host.end()
        return self.finish.result(result, from_values(self.finish.written, values))


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


@dataclass(frozen=True)
class OnlyScore:
    """Makes the result of a job that of its run, such as a reference."""

    written: ClassVar[type[None]] = type(None)

    def write(self, run: SavedRun, report: Report) -> None:
        """Write nothing."""

    def result(self, result: RunResult, written: None) -> RunResult:  # noqa: ARG002
        """Return the result of the run."""
        return result


def make_origins(
    entries: Iterable[Entry], device_config: DeviceConfig, report: Report, max_silence: float | None = None
) -> None:
    """Train what entries start from, with seed 0, unless the cache has it; an interrupted one is continued.

    Raises `TextgenError` if one fails.
    """
    jobs = dict[Path, EntryJob[None, RunResult]]()
    for entry in entries:
        wanted = text_and_budget(start_of(entry))
        if wanted is None or (folder := origin_folder(entry)).exists():
            continue
        source, amount = wanted
        budget, corpus, origin = parse_budget(amount), load_corpus([source]), read_entry(origin_entry(entry))
        jobs[folder] = EntryJob(
            Experiment(origin, corpus, budget, device_config, seed=0),
            plugin_files(origin.components.values()),
            OnlyScore(),
            folder,
            keeps_run=True,
            title=f"{origin.name} on {source}",
            expected_seconds=expected_seconds(origin, corpus, budget),
        )
    progress = PlanProgress(list(jobs.values()), report)
    for job, outcome in run_jobs(
        progress.starting(), RunResult, LocalBackend(), on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.failure:
            raise TextgenError(f"{job.title}, which an entry starts from, failed: {outcome.failure}")


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


@dataclass(frozen=True, kw_only=True)
class EntryWriting:
    """What a run writes for a comparison."""

    shown: SampleSet
    texts: tuple[WrittenTexts, ...]
    details: EntryDetails | None = None
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class WriteRow:
    """Makes the row of a comparison: a run, and what it writes with each sampler."""

    reader: DetailsReader
    samplers: Sequence[str]
    has_details: bool
    written: ClassVar[type[EntryWriting]] = EntryWriting

    def write(self, run: SavedRun, report: Report) -> EntryWriting:
        """Return what a run writes, the texts that its metrics are taken from, and perhaps details."""
        report(Step("writing samples", fraction=0.0))
        samplers = {spec: build_sampler(spec) for spec in self.samplers}
        seed, first = run.result.seed, self.samplers[0]
        shown, texts = self.reader.writer.write(run, samplers, seed, self.reader.device_config)
        measured = WrittenTexts(name=run.result.name, seed=seed, sampler=first, texts=texts)
        if not self.has_details:
            return EntryWriting(shown=shown, texts=(measured,))
        details, samples, swept = self.reader.read(run, shown, seed, report)
        kept = (measured, *(each for each in swept if each.sampler != first))
        return EntryWriting(shown=shown, details=details, samples=samples, texts=kept)

    def result(self, result: RunResult, written: EntryWriting) -> EntryOutcome:
        """Return the row of a run and what it has written."""
        made_up = self.reader.writer.analyzer.made_up_share
        shares = tuple(made_up(moment.text) for moment in result.train.moments)
        row = EntryResult(**vars(result), **vars(replace(written.shown, made_up_shares=shares)))
        return EntryOutcome(row=row, details=written.details, samples=written.samples, texts=written.texts)
