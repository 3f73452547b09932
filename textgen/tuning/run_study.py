"""Running a study: search, compare with the default, save what it has come to."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import cast

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.jobs.backends import Backend, LocalBackend
from textgen.reports.html import to_html
from textgen.reports.study_report import study_report
from textgen.results.header import header_values
from textgen.results.study import MIN_TRIALS, FinalComparison, StateName, StudyResult, TrialResult
from textgen.runtime.environment import Machine
from textgen.runtime.storage.files import NotSavedError, write_file
from textgen.runtime.storage.json_records import from_values, write_record
from textgen.runtime.storage.result_folders import LOCK, PAGE, is_held, locked
from textgen.training.progress import Report, Step, ignore_report
from textgen.tuning.search_space import spell
from textgen.tuning.study import Study, parameters
from textgen.tuning.study_kind import RESULT
from textgen.tuning.trials import Goal, search

Say = Callable[[str], None]

STATES: dict[TrialState, StateName] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "killed",
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
}
"""Names of Optuna's states in results; a trial that is pruned is `failed` if it has a reason."""


def run_study(
    study: Study,
    goal: Goal,
    *,
    backend: Backend | None = None,
    num_seeds: int = 3,
    max_silence: float | None = None,
    report: Report = ignore_report,
    say: Say = lambda message: None,
) -> StudyResult:
    """Search until the goal is reached, compare the best with the default, and return the result.

    It is also saved, as JSON and as a page. An interruption saves the trials so far, and is raised again.
    Raises `NotSavedError` with the result, as far as there is one, if the disk is full.
    """
    backend = backend or LocalBackend()
    for each in study.objective.dimensions:
        if each.start != each.default:
            say(f"{each.name}={each.default}, the default, is not searched; the first trial has {each.start}")
    try:
        if isinstance(backend, LocalBackend) and backend.num_slots > 1:
            number = backend.num_slots
            say(f"{number} processes share the machine, so a second of training does less than alone")
        search(study, goal, backend, report, max_silence)
        with locked(study.folder):  # other commands may search in the same study
            return _concluded(study, num_seeds, backend, report)
    except KeyboardInterrupt:
        with suppress(OSError):  # the disk is full
            study.interrupt()
            if not is_held(study.folder / LOCK):  # whoever holds it is about to write the result
                write_record(study.folder / RESULT, study_result(study, None))
        raise
    except OSError as error:
        raise NotSavedError(study.folder, error, _so_far(study)) from error


def _so_far(study: Study) -> StudyResult | None:
    """Return the result of a search that cannot go on; None if its file cannot be read either."""
    try:
        return study_result(study, None)
    except (SQLAlchemyError, StorageInternalError):
        return None


def _concluded(study: Study, num_seeds: int, backend: Backend, report: Report) -> StudyResult:
    """Compare the best trial with the default, and write the result."""
    best = study.best()
    chosen = trial_result(study, best).name if best else study.objective.name
    comparison: FinalComparison | None = None
    unsaved: NotSavedError | None = None
    if chosen is not None and chosen != study.objective.name:
        try:
            comparison = study.objective.compare(chosen, num_seeds, study.folder, backend, report)
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


def study_result(study: Study, comparison: FinalComparison | None) -> StudyResult:
    """Return the current result of a study."""
    objective, best = study.objective, study.best()
    trials = tuple(trial_result(study, trial) for trial in study.trials())
    made_on = next((trial.machine for trial in trials if trial.machine), None)
    header = header_values(objective.corpus, objective.device_config, made_on)
    return StudyResult(
        name=objective.name,
        value_name=objective.value_name,
        settings=objective.settings(),
        search=tuple(each.described() for each in objective.dimensions),
        best=None if best is None else trial_result(study, best),
        comparison=comparison,
        importances=importances(study),
        trials=trials,
        **header | {"versions": {**header["versions"], "optuna": version("optuna")}},
    )


def trial_result(study: Study, trial: FrozenTrial) -> TrialResult:
    """Return a trial; `failed` and `pruned` are told apart by the reason."""
    params, attributes = parameters(trial), trial.user_attrs
    is_whole = len(params) == len(study.objective.dimensions)
    return TrialResult(
        number=trial.number,
        state=_state(trial),
        name=spell(study.objective.name, study.objective.dimensions, params) if is_whole else None,
        params=params,
        value=trial.values[0] if trial.state == TrialState.COMPLETE else None,
        curve=tuple(
            (step, value if math.isfinite(value) else None)
            for step, value in sorted(trial.intermediate_values.items())
        ),
        seconds=attributes.get("seconds"),
        reason=attributes.get("reason"),
        machine=from_values(Machine, attributes["machine"]) if "machine" in attributes else None,
    )


def _state(trial: FrozenTrial) -> StateName:
    if trial.state == TrialState.PRUNED:
        return "failed" if "reason" in trial.user_attrs else "pruned"
    return STATES[trial.state]


def importances(study: Study) -> dict[str, float]:
    """Return the share of each option in the variance of the values (fANOVA, Hutter et al. 2014).

    Fewer than `MIN_TRIALS` complete trials with different values have no importances.
    """
    values = {trial.values[0] for trial in study.trials() if trial.state == TrialState.COMPLETE}
    if len(values) < MIN_TRIALS:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study.optuna, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}
