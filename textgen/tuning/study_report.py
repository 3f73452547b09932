"""The report of a study: its result, and the same as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.metadata import version

import optuna
from optuna.trial import FrozenTrial, TrialState

from textgen.experiment.entry_result import EntrySettings
from textgen.page.markdown import escape, table_lines
from textgen.registry.options import write_value
from textgen.runtime.environment import Machine, machine, machines_used, versions
from textgen.runtime.storage.json_records import from_values
from textgen.tuning.search_space import spell
from textgen.tuning.study import Study, parameters
from textgen.tuning.study_result import (
    FinalComparison,
    SearchedOption,
    StateName,
    StudyResult,
    TrialResult,
)

MIN_TRIALS = 3
"""Trials with different values that importances need; fewer say nothing."""

STATES: dict[TrialState, StateName] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "killed",
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
}
"""Names of Optuna's states in results; a trial that is pruned is `failed` if it has a reason."""


def study_result(study: Study, comparison: FinalComparison | None) -> StudyResult:
    """Return the current result of a study."""
    objective, best = study.objective, study.best()
    trials = tuple(trial_result(study, trial) for trial in study.trials())
    return StudyResult(
        name=objective.name,
        value_name=objective.value_name,
        settings=objective.settings(),
        search=tuple(each.described() for each in objective.dimensions),
        best=None if best is None else trial_result(study, best),
        comparison=comparison,
        importances=importances(study),
        trials=trials,
        versions={**versions(), "optuna": version("optuna")},
        machine=next((trial.machine for trial in trials if trial.machine), machine()),
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


def study_verdict(result: StudyResult) -> str:
    """Return the gain in one sentence."""
    compared = result.comparison
    if result.best is None:
        return "No trial completed, so there is nothing to compare."
    number = sum(trial.state == "complete" for trial in result.trials)
    if compared is None and result.best.name != result.name:
        return f"The best of {number} trials is not compared with the default: the command was interrupted."
    if compared is None and number == 1:
        return (
            "Only one trial completed, that of the default, so the search says nothing of other options; "
            "give it more time (--timeout) or trials (--trials)."
        )
    if compared is None:
        return f"None of {number} trials was better than the default, which was one of them."
    if compared.gain is None:
        return f"The comparison failed: {'; '.join(compared.errors) or 'there are no scores'}."
    unit = "bits per character" if isinstance(result.settings, EntrySettings) else result.value_name
    seeds = ", with one seed" if len(compared.seeds) == 1 else ""
    trials = f"the best of {number} trials" if number > 1 else "the only trial that completed"
    return f"On {compared.scored_on} {_change(compared, compared.gain, unit)}{seeds}; it is {trials}."


def _change(compared: FinalComparison, gain: float, unit: str) -> str:
    if compared.interval is None:
        values = [f"{side.value:.4f}" for side in (compared.best, compared.default)]
        return (
            f"it has {values[0]} against {values[1]} of the default ({unit}); how sure that is, is not known"
        )
    low, high = compared.interval
    if low > 0:
        return f"it is better by {gain:.4f} {unit} ({low:.4f} to {high:.4f})"
    if high < 0:
        return f"it is worse by {-gain:.4f} {unit} ({-high:.4f} to {-low:.4f}); the default is better"
    return f"no clear difference from the default: {gain:+.4f} {unit} ({low:+.4f} to {high:+.4f})"


def to_markdown(result: StudyResult) -> str:
    """Return the report: what to paste, what it gains, what mattered, and every trial."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: StudyResult) -> Iterator[str]:
    yield f"# Tuned: {result.name}\n"
    if result.best is not None:
        yield f"    {result.best.name}\n"
    yield f"{study_verdict(result)}\n"
    for error in result.comparison.errors if result.comparison else ():
        yield f"- failed in the comparison: {error}\n"
    complete, pruned, failed = (
        sum(trial.state == state for trial in result.trials) for state in ("complete", "pruned", "failed")
    )
    number = complete + pruned + failed
    yield (
        f"{number} {'trial' if number == 1 else 'trials'}: {complete} complete, {pruned} pruned by their "
        f"curve, {failed} failed. Values: {result.value_name}, less is better.\n"
    )
    shares = result.importances
    rows = searched_rows(result, "-")
    if shares:
        each_share = [f"{100 * shares.get(row[0], 0.0):.0f} %" for row in rows[1:]]
        rows = [[*row, last] for row, last in zip(rows, ["importance", *each_share], strict=True)]
    yield from table_lines([[*row[:3], escape(row[3]), *row[4:]] for row in rows], [0, 3])
    if not shares:
        yield f"\nFewer than {MIN_TRIALS} different values say nothing about importance."
    yield ""
    yield from table_lines([[*row[:4], escape(row[4])] for row in trial_rows(result, "-")], [1, 4])
    if machines := machines_used(result.machines):
        yield f"\nThe trials ran on several kinds of machines: {machines}."


def searched_rows(result: StudyResult, missing: str) -> list[list[str]]:
    """Return the header and a row for each option that was searched, the most important first."""
    params = result.best.params if result.best else {}
    rows = [["option", "default", "best", "searched"]]
    for each in sorted(result.search, key=lambda each: -result.importances.get(each.option, 0.0)):
        best = write_value(params[each.option]) if each.option in params else missing
        rows.append([each.option, write_value(each.default), best, searched_range(each)])
    return rows


def trial_rows(result: StudyResult, missing: str) -> list[list[str]]:
    """Return the header and a row for each trial."""
    rows = [["trial", "state", "value", "seconds", "what"]]
    for trial in result.trials:
        value = missing if trial.value is None else f"{trial.value:.4f}"
        seconds = missing if trial.seconds is None else f"{trial.seconds:.1f}"
        what = f"{trial.name or missing}{f': {trial.reason}' if trial.reason else ''}"
        rows.append([str(trial.number), trial.state, value, seconds, what])
    return rows


def searched_range(each: SearchedOption) -> str:
    """Return what is searched of an option: a range or a list of values."""
    if each.values is not None:
        return ", ".join(map(write_value, each.values))
    return f"{each.low:.10g} to {each.high:.10g}{' (log scale)' if each.log else ''}"
