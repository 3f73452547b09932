"""What a study says: as JSON values, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from textgen.registry.options import write_value
from textgen.runtime.environment import machine, versions
from textgen.tune.search_space import spell
from textgen.tune.study import Study, parameters, settings

MIN_TRIALS = 3
"""Of which importances are computed; fewer say nothing."""


def study_result(study: Study, comparison: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the object that `textgen tune --json` prints."""
    objective, best = study.objective, study.best()
    return {
        "name": objective.name,
        "measures": objective.measures,
        "settings": settings(objective),
        "best": None if best is None else describe_trial(study, best),
        "comparison": comparison,
        "importances": importances(study),
        "trials": [describe_trial(study, trial) for trial in study.trials()],
        "versions": {**versions(), "optuna": version("optuna")},
        "machine": machine(),
    }


def describe_trial(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial as JSON values; `failed` and `pruned` are told apart by the reason."""
    params, attributes = parameters(trial), trial.user_attrs
    state = trial.state.name.lower()
    if trial.state == TrialState.PRUNED and "reason" in attributes:
        state = "failed"
    if trial.state == TrialState.FAIL:
        state = "killed"
    is_whole = len(params) == len(study.objective.dimensions)
    return {
        "number": trial.number,
        "state": state,
        "name": spell(study.objective.name, study.objective.dimensions, params) if is_whole else None,
        "params": params,
        "value": trial.values[0] if trial.state == TrialState.COMPLETE else None,
        "curve": [
            [step, value if math.isfinite(value) else None]
            for step, value in sorted(trial.intermediate_values.items())
        ],
        "seconds": attributes.get("seconds"),
        "reason": attributes.get("reason"),
    }


def importances(study: Study) -> dict[str, float]:
    """Return the share of each option in how much the values vary (fANOVA, Hutter et al. 2014).

    It needs three trials that came to their end with different values; else there are none.
    """
    values = {trial.values[0] for trial in study.trials() if trial.state == TrialState.COMPLETE}
    if len(values) < MIN_TRIALS:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study.optuna, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def verdict(result: Mapping[str, Any]) -> str:
    """Return in one sentence what was gained."""
    best, compared = result["best"], result["comparison"]
    if best is None:
        return "No trial came to its end, so there is nothing to compare."
    if compared is None:
        return "The search found nothing better than the default."
    part, gain = compared["scored_on"], compared["gain"]
    if gain is None:
        return f"The comparison failed: {'; '.join(compared['errors']) or 'there are no scores'}."
    return f"On {part} {_change(compared, gain)}."


def _change(compared: Mapping[str, Any], gain: float) -> str:
    if compared["interval"] is None:
        distances = [f"{compared[which]['value']:.4f}" for which in ("best", "default")]
        how = "nearer to" if gain > 0 else "no nearer to"
        return f"it is {how} the author's text than the default: {distances[0]} against {distances[1]}"
    low, high = compared["interval"]
    if low > 0:
        return f"it is better by {gain:.4f} bits per character [{low:.4f}, {high:.4f}]"
    if high < 0:
        ends = f"[{-high:.4f}, {-low:.4f}]"
        return f"it is worse by {-gain:.4f} bits per character {ends}; the default is better"
    return f"the default is as good: {gain:+.4f} bits per character [{low:+.4f}, {high:+.4f}]"


def to_markdown(result: Mapping[str, Any]) -> str:
    """Return the report: what to paste, what it gains, what mattered, and every trial."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    best, trials = result["best"], result["trials"]
    yield f"# Tuned: {result['name']}\n"
    if best is not None:
        yield f"    {best['name']}\n"
    yield f"{verdict(result)}\n"
    for error in (result["comparison"] or {}).get("errors", ()):
        yield f"- failed in the comparison: {error}\n"
    counts = {
        state: sum(trial["state"] == state for trial in trials) for state in ("complete", "pruned", "failed")
    }
    yield (
        f"{sum(counts.values())} trials: {counts['complete']} complete, {counts['pruned']} pruned by their "
        f"curve, {counts['failed']} failed. Values: {result['measures']}, less is better.\n"
    )
    shares = result["importances"]
    yield "| option | default | best | searched |" + " importance |" * bool(shares)
    yield "| :-- | --: | --: | :-- |" + " --: |" * bool(shares)
    searched = result["settings"]["search"]
    for each in sorted(searched, key=lambda each: -shares.get(each["option"], 0.0)):
        name = each["option"]
        found = write_value(best["params"][name]) if best else "-"
        share = f" {100 * shares.get(name, 0.0):.0f} % |" if shares else ""
        yield f"| {name} | {write_value(each['default'])} | {found} | {_range(each)} |{share}"
    if not shares:
        yield f"\nFewer than {MIN_TRIALS} different values say nothing about importance."
    yield "\n| trial | state | value | seconds | what |"
    yield "| --: | :-- | --: | --: | :-- |"
    for trial in trials:
        value = "-" if trial["value"] is None else f"{trial['value']:.4f}"
        seconds = "-" if trial["seconds"] is None else f"{trial['seconds']:.1f}"
        what = f"{trial['name'] or '-'}{': ' + trial['reason'] if trial['reason'] else ''}"
        yield f"| {trial['number']} | {trial['state']} | {value} | {seconds} | {what.replace('|', '/')} |"


def _range(each: Mapping[str, Any]) -> str:
    if "values" in each:
        return ", ".join(map(write_value, each["values"]))
    return f"{write_value(each['low'])} to {write_value(each['high'])}{' by factors' if each['log'] else ''}"
