"""The report of a study as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.experiment.entry_result import EntrySettings
from textgen.page.markdown import escape, table_lines
from textgen.registry.options import write_value
from textgen.results.study import MIN_TRIALS, FinalComparison, SearchedOption, StudyResult
from textgen.runtime.environment import machines_used


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
