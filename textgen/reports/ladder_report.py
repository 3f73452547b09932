"""The report of a ladder: scores by budget, what each step to a larger budget changes, training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from textgen.page.charts import ChartLine, ChartValue, IntervalChart, LineChart, entry_style, round_log_ticks
from textgen.reports.advice import advice
from textgen.reports.answer import DEFINITION, Class, RunCaution, answer_of, cautions, classes_of, is_beaten
from textgen.reports.bench_report import next_lines
from textgen.reports.document import (
    BRIEF,
    DASH,
    FULL,
    Cell,
    Chart,
    CsvFile,
    Note,
    Report,
    Samples,
    Section,
    Table,
    TableRow,
    Template,
    lines,
    text_table,
)
from textgen.reports.formats import count, decimal, named_values, percent, plain, short, thousandths
from textgen.reports.samples import brief_samples, known_words, made_up_words
from textgen.results.comparison import Comparison
from textgen.results.judge import standing
from textgen.results.ladder import BudgetStep, Ladder, Rung
from textgen.runtime.environment import machines_used

HEIGHT, UNIT = 380, "bits/char, lower is better"


def ladder_report(result: Ladder, last: Comparison | None = None) -> Report:
    """Return the report of a ladder, with what is known of the comparison under its largest budget.

    Its page leads to those of its budgets, in folders beside it.
    """
    more = "Characters, updates and seconds of each budget: --full"
    links = {
        "text": "Samples, learning curves and passages of each budget are in folders beside this file; "
        "without them, these links do not work:",
        "links": [(f"{budget}/report.html", budget) for budget in result.budgets],
    }
    return Report(
        kind="ladder",
        result=result,
        title=f"Ladder on {result.corpus.name}",
        answer=ladder_answer(result),
        advice=advice(last) if last else "",
        context=ladder_summary(result),
        definition=DEFINITION,
        sections=[
            Section("scores", "Scores by budget", [Chart(budget_chart(result)), score_table(result)]),
            *(_sections(last) if last else ()),
            Section("characters", "Scores by characters read", [Chart(characters_chart(result))]),
            Section("steps", "What more training changes", [Chart(_steps_chart(result)), step_table(result)]),
            Section("training", "How much was trained", [_training(result)], FULL),
            Section("budgets", "The comparison under each budget", [Template("links.html", links)]),
            Section("more", "", [lines([more], is_aside=True)], BRIEF),
        ],
        command=result.command,
        made=_made(result),
        files=[ladder_csv(result)],
        styles=_styles(result),
    )


def _sections(last: Comparison) -> list[Section]:
    """Return what entries wrote under the largest budget, and what to try next."""
    samples = Samples(brief_samples(last)[0], made_up_words(last), known_words(last))
    return [
        Section("samples", f"Samples with {last.budget} of training", [samples]),
        Section("next", "What to try next", [next_lines(last)], FULL),
    ]


def _styles(result: Ladder) -> dict[str, str]:
    return {name: entry_style(index) for index, name in enumerate(result.entries)}


def ladder_answer(result: Ladder) -> str:
    """Return which entry is best under the largest budget, and what more training does."""
    budget = result.budgets[-1]
    said = (
        f"At {budget}: {answer_of(result, _classes(result), budget)}",
        _what_steps_do(result.steps),
        *cautions(_warned(result), result.budgets[0]),
    )
    return plain(" ".join(filter(None, said)))


def _classes(result: Ladder) -> list[Class]:
    """Return the classes of entries under the largest budget."""
    last = [rung for rung in result.rungs if rung.budget == result.budgets[-1] and rung.num_updates]
    scores, differences = standing(result, result.budgets[-1])
    return classes_of(scores, differences, {rung.entry: rung.num_chars for rung in last})


def _warned(result: Ladder) -> Iterator[RunCaution]:
    for rung in result.rungs:
        for run in rung.runs:
            yield RunCaution(f"{rung.entry} at {rung.budget}", run.cpu_utilization, run.chance_remark)


def _what_steps_do(steps: Sequence[BudgetStep]) -> str:
    """Return which steps to a larger budget make an entry clearly worse, or that none does."""
    worse = [
        f"{step.entry} from {step.before} to {step.after} ({step.bits_per_char:+.3f})"
        for step in steps
        if step.verdict == "worse"
    ]
    if worse:
        return f"More training makes these worse: {', '.join(worse)}."
    return "No step to a larger budget makes an entry clearly worse." if steps else ""


def ladder_summary(result: Ladder) -> str:
    """Return in one line what was compared."""
    corpus, seeds = result.corpus, max((len(rung.runs) for rung in result.rungs), default=1)
    machines = machines_used(run.machine for run in result.runs) or result.machine.description
    return (
        f"{corpus.name}, {short(corpus.num_chars)} characters; {', '.join(result.budgets)} of training each; "
        f"{'one seed' if seeds == 1 else f'{seeds} seeds'}, {result.device}, {result.precision}; scored on "
        f"{result.scored_on}; {machines}"
    )


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


def ladder_csv(result: Ladder) -> CsvFile:
    """Return a line for each entry and budget."""
    rows = list(ladder_values(result))
    return CsvFile("ladder.csv", list(rows[0]) if rows else [], [list(row.values()) for row in rows])


def score_table(result: Ladder) -> Table:
    """Return the score of each entry under each budget, and the references, which have none."""
    caption = (
        f"Bits per character of the {result.scored_on} text by budget, lower is better. ±: half of the 95 % "
        "interval; bold: clearly best at that budget, with no reference ahead; italics: references, which "
        "have no budget."
    )
    rows: list[TableRow | list[str | Cell]] = [
        [name, *(_score_cell(result, result.rung(name, budget)) for budget in result.budgets)]
        for name in result.entries
    ]
    rows += [
        TableRow(each.label, [Cell(thousandths(each.bits_per_char))] * len(result.budgets), is_reference=True)
        for each in sorted(result.references, key=lambda each: each.bits_per_char)
    ]
    notes = [Note(plain(f"{what}: {why}")) for what, why in result.failures.items()]
    problems = {rung.entry: run.problem for rung in result.rungs for run in rung.runs if run.problem}
    notes += [Note(plain(f"{name} has no rank: {problem}")) for name, problem in problems.items()]
    machines = machines_used(run.machine for run in result.runs)
    if machines and result.budgets[0].is_timed:
        notes.append(Note(f"time budgets mean different amounts of training on {machines}"))
    return text_table(
        "Scores by budget",
        ["entry", *result.budgets],
        rows,
        caption=caption,
        keeps_columns=False,
        notes=notes,
    )


def _score_cell(result: Ladder, rung: Rung | None) -> Cell:
    if rung is None or rung.score is None:
        return Cell("failed" if rung is None else "no rank")
    score, interval = rung.score, rung.score.interval
    spread = "" if interval is None else f" ± {thousandths((interval[1] - interval[0]) / 2)}"
    return Cell(thousandths(score.bits_per_char), spread, score.is_best and not is_beaten(result, score))


def step_table(result: Ladder) -> Table:
    """Return what each step to the next budget changes."""
    caption = (
        "Change in bits per character from one budget to the next, below zero is better; 95 % intervals. "
        f"Better, worse: significant at 5 %, corrected for the number of steps, {len(result.steps)} (Holm); "
        "the others are no clear changes."
    )
    steps = {(step.entry, step.after): step for step in result.steps}
    rows: list[list[str | Cell]] = [
        [name, *(_step_cell(steps.get((name, after))) for after in result.budgets[1:])]
        for name in result.entries
        if any(step.entry == name for step in result.steps)
    ]
    header = ["entry", *(f"{before} → {after}" for before, after in pairwise(result.budgets))]
    lefts = range(len(header))
    return text_table(
        "What more training changes", header, rows, lefts=lefts, caption=caption, keeps_columns=False
    )


def _step_cell(step: BudgetStep | None) -> Cell:
    if step is None:
        return Cell(DASH)
    verdict = "" if step.verdict == "no clear change" else f" {step.verdict}"
    interval = "" if step.interval is None else " ({:+.3f} to {:+.3f})".format(*step.interval)
    return Cell(f"{step.bits_per_char:+.3f}{verdict}", interval, step.verdict == "better")


def _training(result: Ladder) -> Table:
    """Return how much each budget allowed entries that are trained, and whether all of it was of use."""
    caption = (
        "Means over seeds. Best update: the one with the best validation score, whose weights are scored, in "
        "percent of all updates; those after it did not help."
    )
    rows = [
        [
            name,
            budget,
            short(rung.num_chars),
            count(rung.num_updates),
            decimal(rung.seconds),
            percent(rung.best_share or 0.0),
        ]
        for name in result.entries
        for budget in result.budgets
        if (rung := result.rung(name, budget)) and rung.num_updates
    ]
    header = ["entry", "budget", "characters\nread", "updates", "seconds", "best\nupdate %"]
    return text_table("Training", header, rows, caption=caption, keeps_columns=False)


def budget_chart(result: Ladder) -> LineChart:
    """Return the scores against the budget, on a logarithmic axis."""
    ticks = {budget.amount: budget for budget in result.budgets}
    drawn = list(ladder_lines(result, lambda rung: rung.budget.amount))
    return LineChart(_title(result, "budget"), "budget", UNIT, drawn, HEIGHT, ticks)


def characters_chart(result: Ladder) -> LineChart:
    """Return the scores against the characters read, which does not depend on the machine."""
    drawn = list(ladder_lines(result, lambda rung: rung.num_chars))
    ticks = round_log_ticks(x for line in drawn for x, _ in line.points)
    title = _title(result, "characters read in training")
    return LineChart(title, "characters read", UNIT, drawn, HEIGHT, ticks)


def _title(result: Ladder, axis: str) -> str:
    return f"Bits per character on the {result.scored_on} text against the {axis}, with 95 % intervals"


def ladder_lines(result: Ladder, place: Callable[[Rung], float]) -> Iterator[ChartLine]:
    """Yield the scores of each entry that is trained, then what does not depend on the budget.

    The latter are level lines; what no entry is as bad as is left out.
    """
    styles = _styles(result)
    scored = [(rung, score) for rung in result.rungs if (score := rung.score)]
    trained = [(rung, score) for rung, score in scored if rung.num_updates]
    for name in result.entries:
        own = [(rung, score) for rung, score in trained if rung.entry == name]
        if own:
            yield ChartLine(
                name,
                [(place(rung), score.bits_per_char) for rung, score in own],
                [
                    f"{score.bits_per_char:.3f} with {rung.budget}, {short(rung.num_chars)} characters read"
                    for rung, score in own
                ],
                intervals=[score.interval for _, score in own],
                style=styles[name],
            )
    level = {each.label: each.bits_per_char for each in result.references}
    level |= {rung.entry: score.bits_per_char for rung, score in scored if not rung.num_updates}
    places, values = [place(rung) for rung, _ in trained], [score.bits_per_char for _, score in trained]
    for name, value in level.items():
        if trained and value <= max(values):
            ends = [(min(places), value), (max(places), value)]
            yield ChartLine(name, ends, style=styles.get(name, "reference"))


def _steps_chart(result: Ladder) -> IntervalChart:
    rows = [
        ChartValue(
            f"{step.before} → {step.after}: {step.entry}",
            step.bits_per_char,
            step.interval,
            is_best=step.verdict == "better",
        )
        for name in result.entries
        for step in result.steps
        if step.entry == name
    ]
    title = "Change in bits per character from one budget to the next, with 95 % intervals"
    return IntervalChart(title, "change in bits/char, left is better", rows, zero=True)


def _made(result: Ladder) -> list[str]:
    corpus = result.corpus
    return [
        f"text: cleaner {corpus.cleaner}, split {corpus.split.method}, sha256 {corpus.sha256}",
        f"intervals: {result.interval_method}",
        named_values(result.versions),
        *dict.fromkeys(f"machine: {run.machine.description}" for run in result.runs),
    ]
