"""Running a study: search, compare with the default, save."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import cast

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from textgen.jobs.backends import Backend, LocalBackend
from textgen.reports.html import to_html
from textgen.reports.study_report import study_report
from textgen.results.study import FinalComparison, StudyResult
from textgen.runtime.storage.files import NotSavedError, write_file
from textgen.runtime.storage.json_records import write_record
from textgen.runtime.storage.locks import LOCK, is_held, locked
from textgen.training.progress import Report, Step, ignore_report
from textgen.tuning.outcome import study_result, trial_result
from textgen.tuning.study import Study
from textgen.tuning.trials import Goal, search

Say = Callable[[str], None]

RESULT, PAGE = "study.json", "report.html"


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
