"""A study from the request to its files: the search, and the comparison of the best with the default."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import cast

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.comparison.entry_job import make_origins
from textgen.experiment.entry_parser import parse_entry
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.jobs.runner import Outcome, run_jobs
from textgen.library import corpus as texts
from textgen.library.options import Given, check_cluster, check_numbers
from textgen.library.progress import shown
from textgen.registry.registry import plugin_files
from textgen.reports.html import to_html
from textgen.results.header import header_values
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.storage.files import NotSavedError, write_file
from textgen.runtime.storage.json_records import from_values, write_record
from textgen.runtime.storage.result_folders import PAGE, locked, result_folder, result_name
from textgen.training.budget import parse_budget, parse_duration
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, ignore_report
from textgen_tune.objective import TrialJob, TrialValue, objective_of
from textgen_tune.report import study_report
from textgen_tune.request import NUM_TRIALS, TuneRequest
from textgen_tune.result import FinalComparison, StudyResult, TrialResult
from textgen_tune.search_space import spell
from textgen_tune.study import Study, made_before
from textgen_tune.study_kind import COMPARISON, RESULT


@dataclass(frozen=True)
class Goal:
    """The end of a search: a number of trials, a time, or whichever comes first."""

    num_trials: int | None
    """Trials of the whole study, earlier ones included."""
    deadline: float | None = None
    """The time (`time.time()`) after which no trial starts."""

    def is_reached(self, num_trials: int) -> bool:
        """Return whether no further trial is to start after so many."""
        is_late = self.deadline is not None and time.time() >= self.deadline
        return is_late or (self.num_trials is not None and num_trials >= self.num_trials)


def tune_as(
    request: TuneRequest, out: str | Path | None, report: Report | bool | None, given: Given
) -> StudyResult:
    """Search as asked, as `tune` does; `given` are options that may have no effect."""
    search, cluster = request.search, request.cluster
    check_numbers(request.seed, trials=NUM_TRIALS if search.trials is None else search.trials)
    check_cluster(request, "a study", given)
    texts.check_text(request.text)
    parse_budget(request.budget)
    silence = parse_duration(cluster.entry_timeout, "--entry-timeout")
    limit = None if search.timeout is None else parse_duration(search.timeout, "--timeout")
    choose_device(cluster.device, cluster.precision)  # a mistake is reported before a folder is made
    entry = parse_entry(request.entry)
    name = partial(result_name, [request.entry], texts.name_of(request.text), request.budget, request.seed)
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(out, lambda: f"tune-{name()}") as folder,
        shown(report) as tell,
        locked(folder),
    ):
        tell(Step("reading the text", folder=folder))
        config = choose_device(cluster.device, cluster.precision, made_before(folder))
        make_origins([entry], config, tell, silence)
        goal = Goal(search.trials or (None if limit else NUM_TRIALS), time.time() + limit if limit else None)
        objective = objective_of(entry, request, texts.loaded(request.text), config, backend)
        with Study(folder, objective) as study:
            return run_study(study, goal, backend, num_seeds=request.seeds, max_silence=silence, report=tell)


def run_study(
    study: Study,
    goal: Goal,
    backend: Backend | None = None,
    *,
    num_seeds: int = 3,
    max_silence: float | None = None,
    report: Report = ignore_report,
) -> StudyResult:
    """Search until the goal is reached, compare the best with the default, and return the result.

    It is also saved, as JSON and as a page. An interruption saves the trials so far, and is raised again.
    Raises `NotSavedError` with the result, as far as there is one, if the disk is full.
    """
    backend = backend or LocalBackend()
    for each in study.objective.dimensions:
        if each.start != each.default:
            rest = f"is not searched; the first trial uses {each.start}"
            report(Step("", remark=f"the default {each.option}={each.default} {rest}"))
    try:
        search(study, goal, backend, report, max_silence)
        return _concluded(study, num_seeds, backend, report)
    except KeyboardInterrupt:
        with suppress(OSError):  # the disk is full
            study.requeue()
            write_record(study.folder / RESULT, study_result(study))
        raise
    except OSError as error:
        so_far = None
        with suppress(SQLAlchemyError, StorageInternalError):  # the file cannot be read either
            so_far = study_result(study)
        raise NotSavedError(study.folder, error, so_far) from error


def search(
    study: Study,
    goal: Goal,
    backend: Backend,
    report: Report = ignore_report,
    max_silence: float | None = None,
) -> None:
    """Evaluate trials until the goal is reached.

    One that fails, whose process ends, or that is silent for `max_silence` seconds is kept with its reason.
    """
    running: dict[int, _Running] = {}
    for job, outcome in run_jobs(
        _started(study, goal, running, report if backend.num_slots == 1 else None),
        TrialValue,
        backend,
        on_step=lambda job, step: running[job.number].heard(step),
        max_silence=max_silence,
        may_start=lambda: not goal.is_reached(study.num_begun()),
    ):
        running.pop(job.number).end(outcome)
        if backend.num_slots > 1:  # the steps of several trials would be a muddle
            best = study.best()
            of = f" of {goal.num_trials}" if goal.num_trials else ""
            standing = f"best {best.values[0]:.4f}" if best else ""
            report(Step("trials", f"{len(study.counted())}{of} trials", outcome=standing))


def _started(
    study: Study, goal: Goal, running: dict[int, _Running], report: Report | None
) -> Iterator[TrialJob]:
    """Yield the trials to evaluate, until the goal is reached or nothing is left to try."""
    of = f" of {goal.num_trials}" if goal.num_trials else ""
    while not goal.is_reached(study.num_begun()) and (asked := study.ask()):
        trial, params = asked
        title = f"trial {study.num_begun()}{of}"
        running[trial.number] = _Running(study, trial, filled_in(report or ignore_report, entry=title))
        yield TrialJob(trial.number, params, study.objective, list(plugin_files()))


class _Running:
    """A trial that is evaluated in another process."""

    def __init__(self, study: Study, trial: Trial, report: Report) -> None:
        self._study, self._trial, self._report = study, trial, report
        self._began, self._reported = time.perf_counter(), set[int]()
        report(Step("starting"))

    def heard(self, step: Step) -> bool:
        """Follow the trial by its validation scores; return whether it is to be pruned."""
        self._report(step)
        progress, num_steps = step.progress, self._study.objective.num_steps
        if progress is None or progress.validation_bits_per_char is None:
            return False
        # In whole steps: only values at the same percentage of the budget are compared.
        percent = int(min(progress.fraction, 1.0) * num_steps + 1e-9) * 100 // num_steps
        if percent in self._reported:
            return False
        self._reported.add(percent)
        return self._study.report(self._trial, percent, progress.validation_bits_per_char)

    def end(self, outcome: Outcome[TrialValue]) -> None:
        """Keep what came out of the trial; one without value or reason was pruned."""
        result, reason = outcome.result, None if outcome.was_stopped else outcome.failure or None
        about = vars(result) if result else {"value": None, "seconds": time.perf_counter() - self._began}
        self._study.tell(self._trial, reason=reason, **about)
        shown = f"{result.value:.4f}" if result else reason or "pruned"
        self._report(Step(FAILED if reason else DONE, outcome=shown))


def _concluded(study: Study, num_seeds: int, backend: Backend, report: Report) -> StudyResult:
    """Compare the best trial with the default, and write the result."""
    best = study.best()
    chosen = trial_result(study, best).name if best else study.objective.name
    comparison: FinalComparison | None = None
    unsaved: NotSavedError | None = None
    if chosen != study.objective.name:
        try:
            comparison = study.objective.compare(
                chosen, num_seeds, study.folder / COMPARISON, backend, report
            )
        except NotSavedError as error:
            comparison, unsaved = cast(FinalComparison, error.result), error
    result = study_result(study, comparison)
    try:
        write_record(study.folder / RESULT, result)
        report(Step("writing the report"))
        write_file(study.folder / PAGE, to_html(study_report(result)))
    except OSError as error:
        unsaved = NotSavedError(study.folder, error, result)
    if unsaved:
        unsaved.result = result
        raise unsaved
    return result


def study_result(study: Study, comparison: FinalComparison | None = None) -> StudyResult:
    """Return the current result of a study."""
    objective, best = study.objective, study.best()
    trials = tuple(trial_result(study, trial) for trial in study.counted())
    made_on = next((trial.machine for trial in trials if trial.machine), None)
    header = header_values(objective.corpus, objective.device_config, made_on)
    return StudyResult(
        name=objective.name,
        settings=objective.settings(),
        search=tuple(objective.dimensions),
        best=None if best is None else trial_result(study, best),
        comparison=comparison,
        importances=study.importances(),
        trials=trials,
        **header | {"versions": {**header["versions"], "optuna": version("optuna")}},
    )


def trial_result(study: Study, trial: FrozenTrial) -> TrialResult:
    """Return a trial that is over; one that is pruned has failed if it has a reason."""
    is_complete, attributes, params = (
        trial.state == TrialState.COMPLETE,
        trial.user_attrs,
        study.params(trial),
    )
    return TrialResult(
        number=trial.number,
        state="complete" if is_complete else "failed" if "reason" in attributes else "pruned",
        name=spell(study.objective.name, study.objective.dimensions, params),
        params=params,
        value=trial.values[0] if is_complete else None,
        curve=tuple(
            (step, value if math.isfinite(value) else None)
            for step, value in sorted(trial.intermediate_values.items())
        ),
        seconds=attributes.get("seconds"),
        reason=attributes.get("reason"),
        machine=from_values(Machine, attributes["machine"]) if "machine" in attributes else None,
    )
