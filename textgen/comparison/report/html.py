"""The report as a page for the browser: one file that works without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from markupsafe import Markup

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.readings import Details, EntryDetails
from textgen.comparison.report.answer import answer
from textgen.comparison.report.columns import EntryRow, entry_rows
from textgen.comparison.report.contents import summary
from textgen.comparison.report.csv_files import curves_csv, scores_csv
from textgen.comparison.report.page_charts import (
    category_chart,
    curve_chart,
    curve_points,
    difference_chart,
    diversity_chart,
    score_chart,
)
from textgen.comparison.report.samples_table import known_words, metrics_table, sample_groups
from textgen.comparison.report.scores import category_table, difference_table, score_table
from textgen.comparison.report.table import Table
from textgen.comparison.report.training import curve_table, embedding_table, speed_table
from textgen.evaluation.text_metrics import MIN_VERBATIM
from textgen.page.render import Section, data_address, render, render_page
from textgen.page.tables import plain_table

SCRIPTS = ("curves.js", "passages.js", "samples.js")


def to_html(result: Comparison, details: Details) -> str:
    """Return the whole report of a comparison."""
    rows = entry_rows(result)
    ran = [row for row in rows if row.runs]
    by_name = {entry.name: entry for entry in details.entries}
    ordered = [by_name[row.name] for row in rows if row.name in by_name]
    readings = [entry for entry in ordered if entry.reading is not None]
    sections = [
        Section("scores", "Scores", _scores(result, rows)),
        Section("curves", "Learning curves", _curves(result, ran)),
        Section("bits", "Where the bits go", category_chart(ran) + _table(category_table(ran))),
        Section("passages", "The same passage, read by each", _passages(details, readings)),
        Section(
            "pair",
            "Two entries against each other",
            render("bench_pair.html") if details.passages and len(readings) > 1 else Markup(),
        ),
        Section("samples", "Samples", _samples(result, ordered)),
        Section("diversity", "Quality and diversity", _written(result, ran, ordered)),
        Section("embeddings", "Embeddings", _embeddings(ran)),
        Section("speed", "Speed and size", _table(speed_table(ran))),
        Section("settings", "What differs in the settings", _settings(ordered)),
        Section("reproduce", "Reproduce and download", _reproduce(result)),
    ]
    data = {
        "curves": curve_points(ran),
        "passages": details.passages,
        "readings": [{"name": each.name, **vars(each.reading)} for each in readings],
        "samples": [{"name": entry.name, "samples": entry.samples} for entry in ordered],
        "sampler": result.measured_sampler,
        "comparison": result,
    }
    shown = [section for section in sections if section.body]
    return render_page(f"Comparison on {result.corpus.name}", answer(result), shown, data, SCRIPTS)


def _table(table: Table, first: str = "entry") -> Markup:
    """Return a table of the report; nothing without rows."""
    if not table.rows:
        return Markup()
    return render(
        "table.html",
        table=table,
        first=first,
        header=lambda column: column.header.replace("-\n", "").replace("/\n", "/").replace("\n", " "),
    )


def _scores(result: Comparison, rows: Sequence[EntryRow]) -> Markup:
    return Markup().join(
        [
            score_chart(result),
            _table(score_table(result, rows)),
            difference_chart(result),
            _table(difference_table(result, rows)),
        ]
    )


def _curves(result: Comparison, rows: Sequence[EntryRow]) -> Markup:
    if not curve_points(rows):
        return Markup()
    table = _table(curve_table(result, rows))
    return render("bench_curves.html", chart=curve_chart(rows), table=table)


def _passages(details: Details, readings: Sequence[EntryDetails]) -> Markup:
    if not readings or not details.passages:
        return Markup()
    table = plain_table(
        "Bits per character of each passage",
        ["passage", *(each.name for each in readings)],
        [
            [
                passage.text.replace("\n", " "),
                *(f"{_bits(entry, index, len(passage.text)):.3f}" for entry in readings),
            ]
            for index, passage in enumerate(details.passages)
        ],
    )
    return render("bench_passages.html", table=table)


def _bits(entry: EntryDetails, index: int, num_chars: int) -> float:
    assert entry.reading is not None  # it is among the readings
    return float(entry.reading.passages[index].bits_of_chars(num_chars).mean())


def _samples(result: Comparison, entries: Sequence[EntryDetails]) -> Markup:
    groups = sample_groups(result)
    if not groups:
        return Markup()
    errors = [f"{entry.name}: {error}" for entry in entries for error in entry.errors]
    known = known_words(result)
    return render("bench_samples.html", groups=groups, known=known, min_verbatim=MIN_VERBATIM, errors=errors)


def _written(result: Comparison, rows: Sequence[EntryRow], entries: Sequence[EntryDetails]) -> Markup:
    return diversity_chart(result, entries) + _table(metrics_table(result, rows))


def _embeddings(rows: Sequence[EntryRow]) -> Markup:
    table = _table(embedding_table(rows))
    audits = [(row.name, row.runs[0].embedding) for row in rows]
    for name, audit in audits:
        if audit is not None and audit.neighbors:
            table += plain_table(
                f"Nearest words of {name}",
                ["word", "nearest before training", "after"],
                [[each.word, ", ".join(each.before), ", ".join(each.after)] for each in audit.neighbors],
                caption=f"Nearest words of {name}, by cosine similarity, among its 3,000 most frequent ones.",
                lefts=(0, 1, 2),
            )
    return table


def _settings(entries: Sequence[EntryDetails]) -> Markup:
    """Return the settings in which entries differ; a setting that an entry lacks is left empty."""
    names = dict.fromkeys(name for entry in entries for name in entry.settings)
    differing = [name for name in names if len({entry.settings.get(name) for entry in entries}) > 1]
    if not differing:
        return Markup()
    return plain_table(
        "Settings",
        ["entry", *differing],
        [[entry.name, *(entry.settings.get(name, "") for name in differing)] for entry in entries],
        caption="Components and options in which the entries differ; everything else is the same.",
        lefts=range(len(differing) + 1),
    )


def _reproduce(result: Comparison) -> Markup:
    return render(
        "reproduce.html",
        command=result.command,
        lines=list(_lines(result)),
        downloads=[
            ("scores.csv", data_address(scores_csv(result), "text/csv")),
            ("curves.csv", data_address(curves_csv(result), "text/csv")),
        ],
        json="comparison",
    )


def _lines(result: Comparison) -> Iterator[str]:
    yield from summary(result)
    yield f"text: sha256 {result.corpus.sha256}"
    yield "machine: " + ", ".join(
        f"{name} {value}" for name, value in asdict(result.machine).items() if value
    )
