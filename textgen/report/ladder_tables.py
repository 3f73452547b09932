"""The tables of a ladder: scores by budget, what each step changes, who is ahead from where on, training."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from textgen.report.columns import to_csv
from textgen.report.formats import count, decimal, percent, plain, short, thousandths
from textgen.report.ladder_answer import EVERY, amount_text, crossing_interval
from textgen.report.table_model import DASH, Cell, Column, Note, ReportTable, TableRow
from textgen.results.ladder import BudgetStep, Ladder, Rung
from textgen.runtime.environment import machines_used
from textgen.training.budget import is_timed


def ladder_summary(result: Ladder) -> str:
    """Return in one line what was compared."""
    corpus, seeds = result.corpus, max((len(rung.runs) for rung in result.rungs), default=1)
    return (
        f"{corpus.name}, {short(corpus.num_chars)} characters; {', '.join(result.budgets)} of training each; "
        f"{'one seed' if seeds == 1 else f'{seeds} seeds'}, {result.device}, {result.precision}; scored on "
        f"{result.scored_on}"
    )


def ladder_tables(result: Ladder) -> dict[str, ReportTable]:
    """Return the tables that have something to show by their names, in the order of the report."""
    tables = {
        "scores": _scores(result),
        "steps": _steps(result),
        "crossings": _crossings(result),
        "training": _training(result),
    }
    return {name: table for name, table in tables.items() if table.rows}


def ladder_values(result: Ladder) -> Iterator[dict[str, Any]]:
    """Yield the values of each entry under each budget, of CSV files and data frames."""
    for rung in result.rungs:
        low, high = (rung.score.interval if rung.score else None) or (None, None)
        yield {
            "entry": rung.entry,
            "budget": rung.budget,
            "bits_per_char": rung.score.bits_per_char if rung.score else None,
            "interval_low": low,
            "interval_high": high,
            "num_seeds": len(rung.runs),
            "num_chars": rung.num_chars,
            "num_updates": rung.num_updates,
            "seconds": rung.seconds,
            "best_share": rung.best_share,
        }


def ladder_csv(result: Ladder) -> str:
    """Return a line for each entry and budget."""
    rows = list(ladder_values(result))
    return to_csv(list(rows[0]) if rows else [], (list(row.values()) for row in rows))


def _columns(*headers: str, align: Literal["left", "right"] = "right") -> list[Column[Any]]:
    return [Column(header, header, lambda row: (), align=align) for header in headers]


def _scores(result: Ladder) -> ReportTable:
    """Return the score of each entry under each budget, and the references, which have none."""
    caption = (
        f"Bits per character of the {result.scored_on} text by budget, lower is better. ±: half of the 95 % "
        "interval; bold: clearly best under that budget; italics: references, which have no budget."
    )
    rows = [
        TableRow(name, [_score_cell(result.rung(name, budget)) for budget in result.budgets])
        for name in result.entries
    ]
    rows += [
        TableRow(each.label, [Cell(thousandths(each.bits_per_char))] * len(result.budgets), is_reference=True)
        for each in sorted(result.references, key=lambda each: each.bits_per_char)
    ]
    notes = [Note(plain(f"{what}: {why}")) for what, why in result.failures.items()]
    problems = {rung.entry: run.problem for rung in result.rungs for run in rung.runs if run.problem}
    notes += [Note(plain(f"{name} has no rank since {problem}")) for name, problem in problems.items()]
    machines = machines_used([run.machine for rung in result.rungs for run in rung.runs])
    if machines and is_timed(result.budgets[0]):
        notes.append(Note(f"budgets of time mean different amounts of training on {machines}"))
    return ReportTable("Scores by budget", caption, _columns(*result.budgets), rows, notes)


def _score_cell(rung: Rung | None) -> Cell:
    if rung is None or rung.score is None:
        return Cell("failed" if rung is None else "no rank")
    score, interval = rung.score, rung.score.interval
    spread = "" if interval is None else f" ± {thousandths((interval[1] - interval[0]) / 2)}"
    return Cell(thousandths(score.bits_per_char), spread, score.is_best)


def _steps(result: Ladder) -> ReportTable:
    """Return what each step to the next budget changes."""
    caption = (
        "Change in bits per character from a budget to the next, below zero is better; 95 % intervals. "
        f"Better, worse: clear at 5 %, corrected for all {len(result.steps)} steps (Holm); the others are no "
        "clear changes."
    )
    steps = {(step.entry, step.after): step for step in result.steps}
    rows = [
        TableRow(name, [_step_cell(steps.get((name, after))) for after in result.budgets[1:]])
        for name in result.entries
        if any(step.entry == name for step in result.steps)
    ]
    headers = (f"{before} → {after}" for before, after in pairwise(result.budgets))
    return ReportTable("What more training changes", caption, _columns(*headers, align="left"), rows)


def _step_cell(step: BudgetStep | None) -> Cell:
    if step is None:
        return Cell(DASH)
    verdict = "" if step.verdict == "no clear change" else f" {step.verdict}"
    interval = "" if step.interval is None else " ({:+.3f} to {:+.3f})".format(*step.interval)
    return Cell(f"{step.bits_per_char:+.3f}{verdict}", interval, step.verdict == "better")


def _crossings(result: Ladder) -> ReportTable:
    """Return from which budget on one entry is ahead of another."""
    caption = (
        "The budget from which on an entry stays ahead of another, by linear interpolation in its logarithm. "
        "The 95 % interval is for other passages of this text and other seeds."
    )
    first, places = result.budgets[0], {name: place for place, name in enumerate(result.entries)}
    pairs = sorted(result.crossings, key=lambda each: (places[each.ahead], places[each.behind]))
    never = [each for each in pairs if each.interval == (0, 0)]
    if len(never) == len(pairs):
        never = []
    rows = [
        TableRow(
            each.ahead,
            [
                Cell(each.behind),
                Cell(amount_text(each.amount, first) if each.amount else EVERY),
                Cell(DASH if each.interval is None else crossing_interval(each.interval, result)),
            ],
        )
        for each in pairs
        if each not in never
    ]
    notes = [
        Note(f"{name} is clearly ahead at {EVERY} of", behind)
        for name in result.entries
        if (behind := [each.behind for each in never if each.ahead == name])
    ]
    columns = _columns("is ahead of", "from", "95 % interval", align="left")
    return ReportTable("Who is ahead from which budget on", caption, columns, rows, notes)


def _training(result: Ladder) -> ReportTable:
    """Return how much each budget allowed entries that are trained, and whether all of it was of use."""
    caption = (
        "Means over seeds. Best update: the one whose weights are scored, by the validation text, in percent "
        "of all; what follows it did not help."
    )
    rows = [
        TableRow(
            name,
            [
                Cell(budget),
                Cell(short(rung.num_chars)),
                Cell(count(rung.num_updates)),
                Cell(decimal(rung.seconds)),
                Cell(percent(rung.best_share or 0.0)),
            ],
        )
        for name in result.entries
        for budget in result.budgets
        if (rung := result.rung(name, budget)) and rung.num_updates
    ]
    columns = _columns("budget", "characters\nread", "updates", "seconds", "best\nupdate %")
    return ReportTable("Training", caption, columns, rows)
