"""What a study has come to, as its result."""

from __future__ import annotations

import math
from importlib.metadata import version

import optuna
from optuna.trial import FrozenTrial, TrialState

from textgen.results.header import header_values
from textgen.results.study import MIN_TRIALS, FinalComparison, StateName, StudyResult, TrialResult
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import from_values
from textgen.tuning.search_space import spell
from textgen.tuning.study import Study, parameters

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
