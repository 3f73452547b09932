"""The page of a ladder for the browser: score against budget and characters read, steps, crossings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from markupsafe import Markup

from textgen.page.charts import ChartLine, ChartValue, interval_chart, line_chart
from textgen.page.render import Section, data_address, listed, render_page, reproduce_section
from textgen.page.scales import round_log_ticks
from textgen.report.formats import short
from textgen.report.ladder_answer import ladder_answer
from textgen.report.ladder_tables import ladder_csv, ladder_summary, ladder_tables
from textgen.report.page_tables import table_html
from textgen.results.ladder import Ladder, Rung
from textgen.training.budget import parse_budget

HEIGHT, UNIT = 380, "bits/char, lower is better"


def ladder_html(result: Ladder) -> str:
    """Return the whole report of a ladder; it leads to those of its budgets, in folders beside it."""
    tables = {name: table_html(table) for name, table in ladder_tables(result).items()}
    steps, crossings, training = (tables.get(name, Markup()) for name in ("steps", "crossings", "training"))
    sections = [
        Section("scores", "Scores by budget", budget_chart(result) + tables["scores"]),
        Section("characters", "Scores by characters read", characters_chart(result)),
        Section("steps", "What more training changes", _steps_chart(result) + steps),
        Section("crossings", "Who is ahead from which budget on", crossings),
        Section("training", "How much was trained", training),
        Section("budgets", "The comparison under each budget", _links(result)),
        _reproduce(result),
    ]
    title = f"Ladder on {result.corpus.name}"
    return render_page(title, ladder_answer(result), sections, {"ladder": result}, ())


def budget_chart(result: Ladder) -> Markup:
    """Return the scores against the budget, on a logarithmic axis."""
    ticks = {parse_budget(budget).amount: budget for budget in result.budgets}
    lines = list(ladder_lines(result, lambda rung: parse_budget(rung.budget).amount))
    return line_chart(_title(result, "budget"), "budget", UNIT, lines, height=HEIGHT, log_ticks=ticks)


def characters_chart(result: Ladder) -> Markup:
    """Return the scores against the characters read, which does not depend on the machine."""
    lines = list(ladder_lines(result, lambda rung: rung.num_chars))
    if not lines:
        return Markup()
    ticks = round_log_ticks(x for line in lines for x, _ in line.points)
    title = _title(result, "characters read in training")
    return line_chart(title, "characters read", UNIT, lines, height=HEIGHT, log_ticks=ticks)


def _title(result: Ladder, axis: str) -> str:
    return f"Bits per character on the {result.scored_on} text against the {axis}, with 95 % intervals"


def ladder_lines(result: Ladder, place: Callable[[Rung], float]) -> Iterator[ChartLine]:
    """Yield the scores of each entry that is trained, then what does not depend on the budget.

    The latter are level lines, if they are among the scores of the former.
    """
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
            )
    level = {each.label: each.bits_per_char for each in result.references}
    level |= {rung.entry: score.bits_per_char for rung, score in scored if not rung.num_updates}
    places, values = [place(rung) for rung, _ in trained], [score.bits_per_char for _, score in trained]
    for name, value in level.items():
        if trained and min(values) <= value <= max(values):
            yield ChartLine(name, [(min(places), value), (max(places), value)])


def _steps_chart(result: Ladder) -> Markup:
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
    title = "Change in bits per character from a budget to the next, with 95 % intervals"
    return interval_chart(title, "change in bits/char, left is better", rows, zero=True)


def _links(result: Ladder) -> Markup:
    """Return links to the reports of the budgets, which have samples, learning curves and all else."""
    items = (Markup('<li><a href="{0}/report.html">{0}</a></li>').format(budget) for budget in result.budgets)
    return Markup("<p>Samples, learning curves and passages, by budget:</p><ul>{}</ul>").format(
        Markup().join(items)
    )


def _reproduce(result: Ladder) -> Section:
    corpus = result.corpus
    lines = [
        ladder_summary(result),
        f"text: cleaner {corpus.cleaner}, split {corpus.split.method}, sha256 {corpus.sha256}",
        f"intervals: {result.interval_method}",
        listed(result.versions),
        *dict.fromkeys(f"machine: {run.machine.description}" for run in result.runs),
    ]
    downloads = [("ladder.csv", data_address(ladder_csv(result), "text/csv"))]
    return reproduce_section(lines, "ladder", result.command, downloads)
