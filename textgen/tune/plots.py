"""A self-contained page of plots: history, learning curves, importances, slices."""

from __future__ import annotations

import html
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from textgen.runtime.files import write_file
from textgen.tune.report import MIN_TRIALS, importances
from textgen.tune.study import Study

STYLE = "body { font-family: sans-serif; margin: 2em auto; max-width: 75em; }"


def write_page(study: Study, path: Path) -> str | None:
    """Write the plots; return the reason if there are none."""
    if find_spec("plotly") is None:
        return 'plots need plotly; run: pip install "textgen-bench[tune]"'
    import plotly.io

    complete = [trial for trial in study.trials() if trial.state == TrialState.COMPLETE]
    if len(complete) < MIN_TRIALS:
        return f"plots need {MIN_TRIALS} complete trials"
    title = html.escape(f"{study.objective.name}: {study.objective.value_name}")
    parts = [f"<!DOCTYPE html>\n<meta charset='utf-8'>\n<title>{title}</title>\n<style>{STYLE}</style>"]
    parts.append(f"<h1>{title}</h1>")
    for number, draw in enumerate(_drawings(study)):
        # The library is included with the first plot, so that the page works without a network.
        parts.append(plotly.io.to_html(draw(), include_plotlyjs=number == 0, full_html=False))
    write_file(path, "\n".join(parts))
    return None


def _drawings(study: Study) -> list[Callable[[], Any]]:
    from optuna import visualization

    found, name = study.optuna, study.objective.value_name
    drawings: list[Callable[[], Any]] = [
        lambda: visualization.plot_optimization_history(found, target_name=name)
    ]
    if any(trial.intermediate_values for trial in study.trials()):
        drawings.append(lambda: visualization.plot_intermediate_values(found))
    if importances(study):
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        drawings.append(lambda: visualization.plot_param_importances(found, evaluator=evaluator))
    return [*drawings, lambda: visualization.plot_slice(found, target_name=name)]
