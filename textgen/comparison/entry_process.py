"""The entries of a comparison, each in a process of its own: what one does to it costs only its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from textgen.comparison.details import DetailsReader, EntryDetails
from textgen.experiment.experiment import Experiment
from textgen.experiment.partial import discard_outlived, discard_unfinished, run_and_save
from textgen.experiment.results import EntryResult, FailedEntry, RunResult, Sample
from textgen.experiment.run import Run, load_run
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.attribution import describe_error
from textgen.registry.registry import files_of
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.files import NotSavedError
from textgen.runtime.json_records import from_values, to_values
from textgen.runtime.messages import one_line
from textgen.runtime.preparation import Setup
from textgen.runtime.processes import Killed, Unsaved, run_jobs
from textgen.runtime.worker import tell
from textgen.training.progress import DONE, FAILED, Report, Step, seldom


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one entry."""

    row: EntryResult | FailedEntry
    details: EntryDetails | None = None
    samples: tuple[Sample, ...] = ()
    """For the details."""
    unsaved: str | None = None
    """Why its run could not be saved."""


@dataclass(frozen=True)
class EntryWork:
    """Trains, scores and samples an entry."""

    reader: DetailsReader
    samplers: Sequence[str]
    seed: int
    """That of the runs that have details."""

    @property
    def plugin_files(self) -> list[Path]:
        """The plugin files that every entry needs."""
        return files_of(("sampler", spec.partition(":")[0]) for spec in self.samplers)

    def __call__(self, folder: Path, experiment: Experiment) -> Outcome:
        """Return the outcome; the run is saved in `folder`, or loaded if it is there."""
        unsaved, report = None, seldom(tell)
        try:
            run = finished_run(folder, experiment, report)
        except NotSavedError as error:
            run, unsaved = cast(Run, error.result), _reason(error)
        report(Step("writing samples"))
        samplers = {spec: build_sampler(spec) for spec in self.samplers}
        written = self.reader.writer.write(run, samplers, experiment.seed, experiment.device_config)
        row = EntryResult(**vars(run.result), **vars(written))
        if experiment.seed != self.seed:
            return Outcome(row=row, unsaved=unsaved)
        details, samples = self.reader.read(run, written.samples, experiment.seed)
        return Outcome(row=row, details=details, samples=samples, unsaved=unsaved)


@dataclass(frozen=True)
class _Task:
    """One entry with one seed, and what its process needs to know it."""

    folder: Path
    experiment: Experiment
    plugin_files: Sequence[Path]


@dataclass(frozen=True)
class _Apart:
    """Work on an entry in the process of its own, where its plugins are loaded and no other ones."""

    work: EntryWork

    def __call__(self, task: _Task) -> object:
        """Return the outcome as JSON values, so that no object of a plugin leaves its process."""
        experiment = task.experiment
        try:
            load_plugin_files(task.plugin_files)
            return to_values(self.work(task.folder, experiment))
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: none of them is the user's
            row = FailedEntry(experiment.entry.name, experiment.seed, describe_error(error))
            return to_values(Outcome(row=row))


def outcomes(
    experiments: Mapping[Path, Experiment],
    work: EntryWork,
    before: Callable[[int, Experiment], Report],
    max_silence: float,
) -> Iterator[tuple[Path, Outcome]]:
    """Yield the folder of each experiment with what becomes of it, as they end.

    `before` is called before each, with its number, and returns where its progress is reported. An entry that
    shows none for `max_silence` seconds is ended.
    """
    reports: dict[Path, Report] = {}

    def tasks() -> Iterator[_Task]:
        for number, (folder, experiment) in enumerate(experiments.items(), start=1):
            reports[folder] = before(number, experiment)
            files = files_of(experiment.entry.components.values())
            yield _Task(folder, experiment, list(dict.fromkeys([*work.plugin_files, *files])))

    def heard(task: _Task, step: Step) -> None:
        reports[task.folder](step)

    results = run_jobs(
        _Apart(work),
        tasks(),
        1,
        Setup(torch.get_num_threads()),
        on_message=heard,
        max_silence=max_silence,
        own_process=True,
    )
    try:
        for task, result in results:
            outcome = _received(task, result)
            reports[task.folder](_last_step(outcome.row))
            yield task.folder, outcome
    except BaseException:  # Ctrl-C: what the process leaves that was at work
        results.close()
        for folder in reports:
            discard_unfinished(folder)
        raise


def _last_step(row: EntryResult | FailedEntry) -> Step:
    return (
        Step(DONE, outcome=row.outcome) if isinstance(row, EntryResult) else Step(FAILED, outcome=row.error)
    )


def _received(task: _Task, result: object) -> Outcome:
    entry = task.experiment.entry.name, task.experiment.seed
    if isinstance(result, Unsaved):
        return replace(_received(task, result.result), unsaved=result.reason)
    if isinstance(result, Killed):
        discard_unfinished(task.folder)
        return Outcome(row=FailedEntry(*entry, str(result)))
    discard_outlived(task.folder)  # what an attempt on this machine left, if a cluster made the run
    try:
        return from_values(Outcome, result)
    except (ValueError, TypeError) as error:
        return Outcome(row=FailedEntry(*entry, f"its result cannot be kept: {describe_error(error)}"))


def finished_run(folder: Path, experiment: Experiment, report: Report) -> Run:
    """Return the run in `folder`; if there is none yet, make it and save it there."""
    if folder.exists():
        discard_outlived(folder)
        report(Step("loading", experiment.entry.name))
        return load_run(folder, experiment.device_config.device)
    return run_and_save(experiment, folder, report)


def scored(experiments: Sequence[Experiment], max_silence: float) -> list[RunResult | None]:
    """Return the result of each experiment, made apart and not kept; None for one that fails."""
    setup = Setup(torch.get_num_threads())
    made = run_jobs(_score, experiments, 1, setup, max_silence=max_silence, own_process=True)
    results: dict[int, RunResult] = {}
    for experiment, values in made:
        with suppress(ValueError, TypeError):  # one cannot be kept
            if values is not None and not isinstance(values, Killed):
                results[id(experiment)] = from_values(RunResult, values)
    return [results.get(id(experiment)) for experiment in experiments]


def _score(experiment: Experiment) -> object:
    try:
        return to_values(experiment.run(seldom(tell)).result)
    except BaseException:
        return None


def _reason(error: NotSavedError) -> str:
    cause = error.__cause__ or error
    return getattr(cause, "strerror", None) or one_line(cause, with_type=False)
