"""A study from the request to its files: the search, and the comparison of the best with the default."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import cast

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.comparison.origins import make_origins
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import names_run
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.jobs.plugin_code import read_entry
from textgen.library import corpus as texts
from textgen.library.options import Refuse, check_cluster, check_numbers
from textgen.library.progress import shown
from textgen.registry.registry import PluginError
from textgen.reports.html import to_html
from textgen.results.header import header_values
from textgen.results.names import find_run
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.storage.files import NotSavedError, write_file
from textgen.runtime.storage.json_records import from_values, write_record
from textgen.runtime.storage.result_folders import LOCK, PAGE, is_held, locked, result_folder, result_name
from textgen.training.budget import parse_budget, parse_duration
from textgen.training.progress import Report, Step, ignore_report
from textgen_tuning.objectives import objective_of
from textgen_tuning.report import study_report
from textgen_tuning.request import NUM_TRIALS, TuneRequest
from textgen_tuning.result import MIN_TRIALS, FinalComparison, StateName, StudyResult, TrialResult
from textgen_tuning.search_space import spell
from textgen_tuning.study import Study, made_before, parameters
from textgen_tuning.study_kind import RESULT
from textgen_tuning.trials import Goal, search

STATES: dict[TrialState, StateName] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "killed",
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.PRUNED: "pruned",
}
"""Names of Optuna's states in results."""


def tune_as(
    request: TuneRequest, out: str | Path | None, report: Report | bool | None, refuse: Refuse
) -> StudyResult:
    """Search as asked, as `tune` does; `refuse` is called with the options that have no effect."""
    request, name = _tuned(request, refuse)
    search, cluster = request.search, request.cluster
    check_numbers(request.seed, trials=NUM_TRIALS if search.trials is None else search.trials)
    check_cluster(request, "a study", refuse)
    parse_budget(request.budget)
    silence = parse_duration(cluster.entry_timeout, "--entry-timeout")
    limit = None if search.timeout is None else parse_duration(search.timeout, "--timeout")
    choose_device(cluster.device, cluster.precision)  # a mistake is reported before a folder is made
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(out, name) as folder,
        shown(report) as tell,
    ):
        tell(Step("reading the text", folder=folder))
        config = choose_device(cluster.device, cluster.precision, made_before(folder))
        if not names_run(request.entry):
            make_origins([read_entry(request.entry)], config, tell, silence)
        goal = Goal(search.trials or (None if limit else NUM_TRIALS), time.time() + limit if limit else None)
        objective = objective_of(request, texts.loaded(request.text), config, folder, backend, tell)
        with Study(folder, objective) as study:
            return run_study(study, goal, backend, num_seeds=request.seeds, max_silence=silence, report=tell)


def _tuned(request: TuneRequest, refuse: Refuse) -> tuple[TuneRequest, Callable[[], str]]:
    """Return a request whose run, if it names one, is a folder, and what names that of the study."""
    entry, sampler, source = request.entry, request.search.tune_sampler, texts.name_of(request.text)
    texts.check_text(request.text, refuse)
    run = _run_of(entry)
    if run is None:
        tuned, budget = entry, request.budget
    elif sampler is None:
        raise TextgenError(f"{entry!r} is a run; give an entry to tune, or a sampler by --tune-sampler")
    else:
        refuse(["budget"], f"on {entry!r}, a run that is trained already")
        request, tuned, budget = replace(request, entry=str(run)), run.name, ""
    names = [*filter(None, [sampler]), tuned]
    return request, lambda: f"tune-{result_name(names, source, budget, request.seed)}"


def _run_of(argument: str) -> Path | None:
    """Return the folder of the run that an argument means, or None if it is an entry."""
    if not names_run(argument):
        try:
            read_entry(argument)
        except PluginError:  # of an entry, whose reader says what is wrong with it
            return None
        except TextgenError:
            with suppress(TextgenError):
                return find_run(argument)
            raise
        return None
    return find_run(argument)


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
            rest = f"is not searched; the first trial has {each.start}"
            report(Step("", remark=f"{each.name}={each.default}, the default, {rest}"))
    try:
        if isinstance(backend, LocalBackend) and backend.num_slots > 1:
            shared = "processes share the machine, so a second of training does less than alone"
            report(Step("", remark=f"{backend.num_slots} {shared}"))
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
    """Return a trial; one that is pruned has failed if it has a reason."""
    params, attributes = parameters(trial), trial.user_attrs
    has_failed = trial.state == TrialState.PRUNED and "reason" in attributes
    is_whole = len(params) == len(study.objective.dimensions)
    return TrialResult(
        number=trial.number,
        state="failed" if has_failed else STATES[trial.state],
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
