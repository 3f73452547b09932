"""The page of a study for the browser: what was found, how the search went, and every trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from markupsafe import Markup

from textgen.page.charts import Line, Stack, line_chart, stacked_chart
from textgen.page.render import Section, render, render_page
from textgen.page.tables import page_table
from textgen.registry.options import write_value
from textgen.runtime.environment import machines_used
from textgen.tune.study_report import machines_of, searched_range, verdict
from textgen.tune.study_result import SearchedOption, StudyResult, TrialResult


def to_html(result: StudyResult) -> str:
    """Return the whole report of a study."""
    complete = [trial for trial in result.trials if trial.value is not None]
    sections = [
        Section("best", "The best", _best(result)),
        Section("history", "History", _history(result, complete)),
        Section("curves", "Learning curves", _curves(result)),
        Section("options", "What mattered", _options(result)),
        Section("slices", "Values of each option", _slices(result, complete)),
        Section("trials", "Every trial", _trials(result.trials)),
        Section("reproduce", "Reproduce and download", _reproduce(result)),
    ]
    shown = [section for section in sections if section.body]
    return render_page(f"Tuned: {result.name}", verdict(result), shown, {"study": result}, ())


def _best(result: StudyResult) -> Markup:
    if result.best is None or result.best.name is None:
        return Markup()
    return Markup('<pre tabindex="0">{}</pre>').format(result.best.name)


def _history(result: StudyResult, complete: Sequence[TrialResult]) -> Markup:
    if not complete:
        return Markup()
    trials = [(float(trial.number), trial.value) for trial in complete if trial.value is not None]
    best, low = [], math.inf
    for number, value in trials:
        low = min(low, value)
        best.append((number, low))
    lines = [
        Line("best so far", best),
        Line("trials", trials, [f"trial {number:.0f}" for number, _ in trials], is_connected=False),
    ]
    return line_chart("Value of each trial, and the best so far", "trial", result.value_name, lines)


def _curves(result: StudyResult) -> Markup:
    lines = [
        Line(
            "best" if trial == result.best else "",
            [(float(percent), value) for percent, value in trial.curve if value is not None],
        )
        for trial in result.trials
        if trial.curve
    ]
    lines = [line for line in lines if line.points]
    if not lines:
        return Markup()
    return line_chart(
        "Validation score of each trial over its budget", "% of the budget", result.value_name, lines
    )


def _options(result: StudyResult) -> Markup:
    shares = result.importances
    ordered = sorted(result.search, key=lambda each: -shares.get(each.option, 0.0))
    chart = Markup()
    if shares:
        stacks = [Stack(each.option, [shares.get(each.option, 0.0)]) for each in ordered]
        chart = stacked_chart(
            "Share of each option in the variance of the values", "share", ["importance"], stacks
        )
    rows = [
        [
            each.option,
            write_value(each.default),
            write_value(result.best.params[each.option]) if result.best else "",
            searched_range(each),
        ]
        for each in ordered
    ]
    return chart + page_table("Options", ["option", "default", "best", "searched"], rows, lefts=(0, 3))


def _slices(result: StudyResult, complete: Sequence[TrialResult]) -> Markup:
    return Markup().join(_slice(result, each, complete) for each in result.search) if complete else Markup()


def _slice(result: StudyResult, searched: SearchedOption, complete: Sequence[TrialResult]) -> Markup:
    """Return the values of all trials over one option; texts are numbered in the order of the search."""
    points, labels = [], []
    for trial in complete:
        chosen = trial.params[searched.option]
        if trial.value is None:
            continue
        points.append((_place(searched, chosen), trial.value))
        labels.append(f"{searched.option}={write_value(chosen)}, trial {trial.number}")
    title = f"Value over {searched.option}"
    unit = f"log10 of {searched.option}" if searched.log else searched.option
    names = "" if searched.values is None else ": " + ", ".join(map(write_value, searched.values))
    line = Line("", points, labels, is_connected=False)
    return line_chart(title, unit + names, result.value_name, [line], height=200)


def _place(searched: SearchedOption, value: bool | int | float | str | None) -> float:
    if searched.values is not None:
        return float(searched.values.index(value)) + 1
    number = float(value or 0)
    return math.log10(number) if searched.log and number > 0 else number


def _trials(trials: Sequence[TrialResult]) -> Markup:
    rows = [
        [
            str(trial.number),
            trial.state,
            "" if trial.value is None else f"{trial.value:.4f}",
            "" if trial.seconds is None else f"{trial.seconds:.1f}",
            f"{trial.name or ''}{f': {trial.reason}' if trial.reason else ''}",
        ]
        for trial in trials
    ]
    return page_table("Trials", ["trial", "state", "value", "seconds", "what"], rows, lefts=(0, 1, 4))


def _reproduce(result: StudyResult) -> Markup:
    lines = [
        ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        ", ".join(f"{name} {value}" for name, value in asdict(result.machine).items() if value),
    ]
    if machines := machines_used(machines_of(result)):
        lines.append(f"trials ran on {machines}")
    return render("reproduce.html", command=None, lines=lines, downloads=[], json="study")
