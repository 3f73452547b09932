"""The page of a study for the browser: the best trial, the course of the search, and every trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

from markupsafe import Markup

from textgen.page.charts import ChartLine, line_chart, stacked_chart
from textgen.page.render import Section, listed, page_table, render_page, reproduce_section
from textgen.registry.options import write_value
from textgen.report.study_report import searched_rows, study_verdict, trial_rows
from textgen.results.study import SearchedOption, StudyResult, TrialResult
from textgen.runtime.environment import machines_used

Complete: TypeAlias = Sequence[tuple[TrialResult, float]]
"""The trials that are complete, with their values."""


def to_html(result: StudyResult) -> str:
    """Return the whole report of a study."""
    complete = [(trial, trial.value) for trial in result.trials if trial.value is not None]
    sections = [
        Section("best", "The best", _best(result)),
        Section("history", "History", _history(result, complete)),
        Section("curves", "Learning curves", _curves(result)),
        Section("options", "What mattered", _options(result)),
        Section("slices", "Values of each option", _slices(result, complete)),
        Section("trials", "Every trial", _trials(result)),
        _reproduce(result),
    ]
    return render_page(f"Tuned: {result.name}", study_verdict(result), sections, {"study": result}, ())


def _best(result: StudyResult) -> Markup:
    if result.best is None or result.best.name is None:
        return Markup()
    return Markup('<pre tabindex="0">{}</pre>').format(result.best.name)


def _history(result: StudyResult, complete: Complete) -> Markup:
    if len(complete) < 2:
        return Markup()
    points = [(float(trial.number), value) for trial, value in complete]
    best = accumulate(points, lambda before, point: (point[0], min(before[1], point[1])))
    labels = [f"trial {trial.number}" for trial, _ in complete]
    lines = [ChartLine("best so far", list(best)), ChartLine("trials", points, labels, is_connected=False)]
    return line_chart("Value of each trial, and the best so far", "trial", result.value_name, lines)


def _curves(result: StudyResult) -> Markup:
    lines = [
        ChartLine(
            "best" if trial == result.best else "",
            [(float(percent), value) for percent, value in trial.curve if value is not None],
        )
        for trial in result.trials
        if trial.curve
    ]
    lines = [line for line in lines if line.points]
    title = "Validation score of each trial over its budget"
    return line_chart(title, "% of the budget", result.value_name, lines)


def _options(result: StudyResult) -> Markup:
    header, *rows = searched_rows(result, "")
    table = page_table("Options", header, rows, lefts=(0, 3))
    if not result.importances:
        return table
    stacks = {row[0]: [result.importances.get(row[0], 0.0)] for row in rows}
    title = "Share of each option in the variance of the values"
    return stacked_chart(title, "share", ["importance"], stacks) + table


def _slices(result: StudyResult, complete: Complete) -> Markup:
    shown = result.search if len(complete) > 1 else ()
    return Markup().join(_slice(result, each, complete) for each in shown)


def _slice(result: StudyResult, searched: SearchedOption, complete: Complete) -> Markup:
    """Return the values of all trials over one option; texts are numbered in the order of the search."""
    name = searched.option
    points = [(_place(searched, trial.params[name]), value) for trial, value in complete]
    labels = [f"{name}={write_value(trial.params[name])}, trial {trial.number}" for trial, _ in complete]
    unit = f"log10 of {name}" if searched.log else name
    names = "" if searched.values is None else ": " + ", ".join(map(write_value, searched.values))
    line = ChartLine("", points, labels, is_connected=False)
    return line_chart(f"Value over {name}", unit + names, result.value_name, [line], height=200)


def _place(searched: SearchedOption, value: bool | int | float | str | None) -> float:
    if searched.values is not None:
        return float(searched.values.index(value)) + 1
    number = float(value or 0)
    return math.log10(number) if searched.log and number > 0 else number


def _trials(result: StudyResult) -> Markup:
    header, *rows = trial_rows(result, "")
    return page_table("Trials", header, rows, lefts=(0, 1, 4))


def _reproduce(result: StudyResult) -> Section:
    lines = [listed(result.versions), listed(result.machine)]
    if machines := machines_used(result.machines):
        lines.append(f"trials ran on {machines}")
    return reproduce_section(lines, "study")
