"""The report of a study: what it gains, what mattered, and every trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from textgen.page.charts import ChartLine, LineChart
from textgen.registry.options import write_value
from textgen.reports.document import DASH, Block, Chart, Code, Report, Section, lines, text_table
from textgen.reports.formats import named_values, plain
from textgen.runtime.environment import machines_used
from textgen_tune.result import Dimension, FinalComparison, StudyResult, TrialResult

Complete: TypeAlias = Sequence[tuple[TrialResult, float]]
"""The trials that are complete, with their values."""
VALUE = "validation bits per character"


def study_report(result: StudyResult) -> Report:
    """Return the report of a study: what to paste, what it gains, what mattered, and every trial."""
    complete = [(trial, trial.value) for trial in result.trials if trial.value is not None]
    failed = result.comparison.errors if result.comparison else ()
    errors = lines((plain(f"failed in the comparison: {error}") for error in failed), is_list=True)
    best = (result.best and result.best.name) or ""
    machines = machines_used(trial.machine for trial in result.trials if trial.machine)
    several = [f"The trials ran on several kinds of machines: {machines}."] if machines else []
    return Report(
        kind="study",
        result=result,
        title=f"Tuned: {result.name}",
        answer=study_verdict(result),
        context=_context(result),
        sections=[
            Section("best", "Best entry", [Code(best), errors]),
            Section("history", "History", [Chart(_history(complete))]),
            Section("curves", "Learning curves", [Chart(_curves(result))]),
            Section("options", "What mattered", list(_options(result))),
            Section("trials", "All trials", [_trials(result)]),
        ],
        made=[named_values(result.versions), named_values(result.machine), *several],
    )


def study_verdict(result: StudyResult) -> str:
    """Return the gain in one sentence."""
    compared = result.comparison
    if result.best is None:
        return "No trial completed, so there is nothing to compare."
    number = sum(trial.state == "complete" for trial in result.trials)
    if compared is None and result.best.name != result.name:
        return f"The best of {number} trials was not compared with the default: the command was interrupted."
    if compared is None and number == 1:
        return (
            "Only the trial of the default completed, so nothing is known about other options; give the "
            "search more time (--timeout) or trials (--trials)."
        )
    if compared is None:
        return f"None of {number} trials was better than the default, which was one of them."
    if compared.gain is None:
        return f"The comparison failed: {'; '.join(compared.errors) or 'there are no scores'}."
    seeds = ", with one seed" if len(compared.seeds) == 1 else ""
    trials = f"; it is the best of {number} trials" if number > 1 else "; it is the only trial that completed"
    return f"On {compared.scored_on}, the tuned entry {_change(compared, compared.gain)}{seeds}{trials}."


def _change(compared: FinalComparison, gain: float) -> str:
    """Compare the best entry with the default, in bits per character."""
    unit = "bits per character"
    if compared.interval is None:
        best, default = (f"{side.value:.4f}" for side in (compared.best, compared.default))
        return f"has {best} against {default} of the default ({unit}), with unknown uncertainty"
    low, high = compared.interval
    if low > 0:
        return f"is better by {gain:.4f} {unit} ({low:.4f} to {high:.4f})"
    if high < 0:
        return f"is worse by {-gain:.4f} {unit} ({-high:.4f} to {-low:.4f}); the default is better"
    return f"does not clearly differ from the default: {gain:+.4f} {unit} ({low:+.4f} to {high:+.4f})"


def _context(result: StudyResult) -> str:
    """Return how many trials there are, and what their values are."""
    complete, pruned, failed = (
        sum(trial.state == state for trial in result.trials) for state in ("complete", "pruned", "failed")
    )
    number = complete + pruned + failed
    return (
        f"{number} {'trial' if number == 1 else 'trials'}: {complete} complete, {pruned} pruned by their "
        f"curve, {failed} failed. Values: {VALUE}, lower is better."
    )


def _history(complete: Complete) -> LineChart:
    points = [(float(trial.number), value) for trial, value in complete]
    best = accumulate(points, lambda before, point: (point[0], min(before[1], point[1])))
    labels = [f"trial {trial.number}" for trial, _ in complete]
    drawn = [ChartLine("best so far", list(best)), ChartLine("trials", points, labels, is_connected=False)]
    title = "Value of each trial, and the best so far"
    return LineChart(title, "trial", VALUE, drawn if len(complete) > 1 else [])


def _curves(result: StudyResult) -> LineChart:
    drawn = [
        ChartLine(
            "best" if trial == result.best else "",
            [(float(percent), value) for percent, value in trial.curve if value is not None],
        )
        for trial in result.trials
    ]
    title = "Validation score of each trial over its budget"
    return LineChart(title, "% of the budget", VALUE, [line for line in drawn if line.points])


def _options(result: StudyResult) -> Iterator[Block]:
    """Yield the options that were searched, the most important first."""
    params, shares = result.best.params if result.best else {}, result.importances
    ranked = sorted(result.search, key=lambda each: -shares.get(each.option, 0.0))
    rows = [
        [
            each.option,
            write_value(each.default),
            write_value(params[each.option]) if each.option in params else DASH,
            searched_range(each),
        ]
        for each in ranked
    ]
    header = ["option", "default", "best", "searched"]
    if shares:
        rows = [[*row, f"{100 * shares.get(row[0], 0.0):.0f} %"] for row in rows]
        header.append("importance")
    yield text_table("What mattered", header, rows, lefts=(3,))
    few = "Too few distinct values to estimate the importance of options."
    yield lines([] if shares else [few])


def searched_range(each: Dimension) -> str:
    """Return what is searched of an option: a range or a list of values."""
    if each.values is not None:
        return ", ".join(map(write_value, each.values))
    return f"{each.low:.10g} to {each.high:.10g}{' (log scale)' if each.log else ''}"


def _trials(result: StudyResult) -> Block:
    rows = [
        [
            str(trial.number),
            trial.state,
            DASH if trial.value is None else f"{trial.value:.4f}",
            DASH if trial.seconds is None else f"{trial.seconds:.1f}",
            plain(f"{trial.name or DASH}{f': {trial.reason}' if trial.reason else ''}"),
        ]
        for trial in result.trials
    ]
    return text_table("All trials", ["trial", "state", "value", "seconds", "entry"], rows, lefts=(1, 4))
