"""The report as a page for the browser: one file that works without a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.readings import Details, EntryDetails
from textgen.comparison.report.answer import answer, classes, doubts, overlap, resolution
from textgen.comparison.report.csv_files import curves_csv, scores_csv
from textgen.comparison.report.rows import EntryRow, entry_rows
from textgen.comparison.report.samples import known_words, sample_groups
from textgen.comparison.report.table import Cell, ReportTable
from textgen.comparison.report.tables import report_tables, summary_lines
from textgen.comparison.report.terms import TERMS
from textgen.evaluation.text_metrics import MIN_VERBATIM, TextMetrics
from textgen.page.charts import ChartLine, ChartValue, interval_chart, line_chart, stacked_chart
from textgen.page.render import (
    Section,
    data_address,
    listed,
    notebook_table,
    page_table,
    render,
    render_page,
    reproduce_section,
)

CATEGORIES = {
    "in_vocabulary_words": "known words",
    "oov_words": "OOV words",
    "punctuation": "punctuation",
    "white_space": "white space",
}
MAX_ON_PHONE = 3
"""Columns beside the names that a phone has room for."""
BENCH_SCRIPTS = ("curves.js", "passage_colours.js", "samples.js")


def to_html(
    result: Comparison, details: Details, models: Sequence[dict[str, Any]] = (), readers: str = ""
) -> str:
    """Return the whole report of a comparison, which can write with `models` (see `PortableNetwork`).

    `readers` is what is known of people who guessed its text.
    """
    rows = entry_rows(result)
    ran = [row for row in rows if row.runs]
    by_name = {entry.name: entry for entry in details.entries}
    ordered = [by_name[row.name] for row in rows if row.name in by_name]
    readings = [entry for entry in ordered if entry.reading is not None]
    curves = curve_points(ran)
    tables: defaultdict[str, Markup] = defaultdict(Markup)
    tables |= {view: table_html(table) for view, table in report_tables(result).items()}
    lines = [*doubts(result), *filter(None, [resolution(result), overlap(result), readers])]
    told_apart = Markup().join(Markup("<p>{}</p>\n").format(line) for line in lines)
    scores = score_chart(result) + tables["scores"] + difference_chart(result) + tables["differences"]
    pair = render("bench_pair.html") if details.passages and len(readings) > 1 else Markup()
    sections = [
        Section("write", "Write with them", render("bench_write.html") if models else Markup()),
        Section("samples", "Samples", _samples(result, ordered)),
        Section("scores", "Scores", told_apart + scores),
        Section("curves", "Learning curves", _curves(curves, tables["curves"])),
        Section("bits", "Where the bits go", category_chart(ran) + tables["categories"]),
        Section("passages", "The same passage, read by each", _passages(details, readings)),
        Section("pair", "Two entries against each other", pair),
        Section("diversity", "Quality and diversity", _diversity(result, ordered) + tables["generated"]),
        Section("embeddings", "Embeddings", tables["embeddings"] + _neighbors(ran)),
        Section("speed", "Speed and size", tables["speed"]),
        Section("settings", "What differs in the settings", _settings(ordered)),
        _reproduce(result),
    ]
    data = {
        "curves": curves,
        "passages": details.passages,
        "readings": [{"name": each.name, **vars(each.reading)} for each in readings],
        "samples": [{"name": entry.name, "samples": entry.samples} for entry in ordered],
        "sampler": result.measured_sampler,
        "comparison": result,
    } | ({"models": models} if models else {})
    title = f"Comparison on {result.corpus.name}"
    scripts = (*BENCH_SCRIPTS, "writer.js") if models else BENCH_SCRIPTS
    return render_page(title, answer(result), sections, data, scripts, terms=TERMS)


def table_html(table: ReportTable, *, in_notebook: bool = False) -> Markup:
    """Return a table of the report with its notes; a notebook has it without its extra columns."""
    shown = [place for place, column in enumerate(table.columns) if not (in_notebook and column.extra)]
    columns = [table.columns[place] for place in shown]
    header = ["entry", *(column.title for column in columns)]
    lefts = [0, *(index for index, column in enumerate(columns, start=1) if column.align == "left")]
    references = [number for number, row in enumerate(table.rows) if row.is_reference]
    rows = [[row.name, *(_cell(row.cells[place], in_notebook) for place in shown)] for row in table.rows]
    if in_notebook:
        for number in references:
            rows[number][0] = Markup("<i>{}</i>").format(rows[number][0])
        drawn = notebook_table(header, rows, lefts)
    else:
        numbered = enumerate(columns, start=1)
        extras = [number for number, column in numbered if column.extra or number > MAX_ON_PHONE]
        drawn = page_table(
            table.title,
            header,
            rows,
            caption=table.caption,
            lefts=lefts,
            references=references,
            extras=extras,
        )
    return drawn + render("notes.html", notes=table.notes) if table.notes else drawn


def _cell(cell: Cell, in_notebook: bool) -> Markup:
    mark = "b" if in_notebook else "strong"
    text = Markup(f"<{mark}>{{}}</{mark}>" if cell.best else "{}").format(cell.text)
    return text + Markup('<span class="spread">{}</span>').format(cell.spread) if cell.spread else text


def score_chart(result: Comparison) -> Markup:
    """Return the scores of entries and references with intervals, the best first; what reads on is last."""
    entries, reading_on = (
        [
            ChartValue(each.name, each.bits_per_char, each.interval, is_best=each.is_best)
            for each in result.scores
            if each.reads_on == reads_on
        ]
        for reads_on in (False, True)
    )
    references = [
        ChartValue(each.label, each.bits_per_char, each.interval, is_reference=True)
        for each in result.references
    ]
    rows = [*sorted([*entries, *references], key=lambda row: row.value), *reading_on]
    title = f"Bits per character on the {result.scored_on} text with 95 % intervals; lower is better"
    return interval_chart(title, "bits/char, lower is better", rows)


def difference_chart(result: Comparison) -> Markup:
    """Return how much worse the other entries are than the best one."""
    rows = [ChartValue(each.b, each.bits_per_char, each.interval) for each in result.differences]
    best = "the best of each class" if len(classes(result)) > 1 else result.scores[0].name if rows else ""
    title = f"Bits per character more than {best}, with 95 % intervals"
    return interval_chart(title, f"bits/char more than {best}", rows, zero=True)


def curve_points(rows: Sequence[EntryRow]) -> list[dict[str, Any]]:
    """Return the learning curves of all runs that have one: amounts of training and validation scores."""
    return [
        {
            "name": f"{row.name} (seed {run.seed})" if len(row.runs) > 1 else row.name,
            "color": index,
            "points": [
                {
                    "seconds": round(point.seconds, 3),
                    "num_chars": point.num_chars,
                    "num_updates": point.num_updates,
                    "bits": round(point.validation_bits_per_char, 5),
                }
                for point in run.train.curve
                if point.validation_bits_per_char is not None
            ],
        }
        for index, row in enumerate(row for row in rows if row.comparable and row.runs[0].train.curve)
        for run in row.runs
    ]


def category_chart(rows: Sequence[EntryRow]) -> Markup:
    """Return the bits per character that each entry spends on each kind of text."""
    stacks = {
        row.name: [
            fmean(getattr(score.bits_by_category, name) for score in row.scores) for name in CATEGORIES
        ]
        for row in rows
        if row.scores
    }
    return stacked_chart("Bits per character by kind of text", "bits/char", list(CATEGORIES.values()), stacks)


def sampler_line(name: str, texts: Iterable[tuple[str, TextMetrics]]) -> ChartLine | None:
    """Return real words against different bigrams, in percent, of labelled texts that one entry wrote."""
    points = [
        (100 * text.distinct_2, 100 * text.real_word_rate, label)
        for label, text in texts
        if text.distinct_2 is not None and text.real_word_rate is not None
    ]
    return (
        ChartLine(name, [(x, y) for x, y, _ in points], [label for *_, label in points]) if points else None
    )


def diversity_chart(title: str, lines: Iterable[ChartLine | None], author: TextMetrics) -> Markup:
    """Return lines of real words against different bigrams, with the point of the held-out text."""
    drawn = [line for line in (*lines, sampler_line("held-out text", [("the author", author)])) if line]
    return line_chart(title, "different bigrams, %", "real words, %", drawn) if len(drawn) > 1 else Markup()


def _curves(curves: Sequence[dict[str, Any]], table: Markup) -> Markup:
    """Return the learning curves over the seconds of training."""
    lines = [
        ChartLine(curve["name"], [(point["seconds"], point["bits"]) for point in curve["points"]])
        for curve in curves
    ]
    title = "Validation bits per character over the seconds of training"
    chart = line_chart(title, "seconds of training", "validation bits/char", lines)
    return render("bench_curves.html", chart=chart, table=table) if chart else chart


def _passages(details: Details, readings: Sequence[EntryDetails]) -> Markup:
    if not readings or not details.passages:
        return Markup()
    table = page_table(
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


def _diversity(result: Comparison, entries: Sequence[EntryDetails]) -> Markup:
    """Return real words against different bigrams, as each entry writes at several temperatures."""
    lines = [
        sampler_line(entry.name, [(each.sampler.rpartition("=")[2], each.metrics) for each in entry.writing])
        for entry in entries
    ]
    title = "Real words against different bigrams at temperatures from 0.4 to 1.2"
    return diversity_chart(title, lines, result.held_out.sample_metrics)


def _neighbors(rows: Sequence[EntryRow]) -> Markup:
    audits = [(row.name, row.runs[0].embedding) for row in rows]
    return Markup().join(
        page_table(
            f"Nearest words of {name}",
            ["word", "nearest before training", "after"],
            [[each.word, ", ".join(each.before), ", ".join(each.after)] for each in audit.neighbors],
            caption=f"Nearest words of {name}, by cosine similarity, among its 3,000 most frequent ones.",
            lefts=(0, 1, 2),
        )
        for name, audit in audits
        if audit is not None and audit.neighbors
    )


def _settings(entries: Sequence[EntryDetails]) -> Markup:
    """Return the settings in which entries differ; a setting that an entry lacks is left empty."""
    names = dict.fromkeys(name for entry in entries for name in entry.settings)
    differing = [name for name in names if len({entry.settings.get(name) for entry in entries}) > 1]
    if not differing:
        return Markup()
    return page_table(
        "Settings",
        ["entry", *differing],
        [[entry.name, *(entry.settings.get(name, "") for name in differing)] for entry in entries],
        caption="Components and options in which the entries differ; everything else is the same.",
        lefts=range(len(differing) + 1),
    )


def _reproduce(result: Comparison) -> Section:
    lines = [
        *filter(None, summary_lines(result)),
        f"text: sha256 {result.corpus.sha256}",
        f"machine: {listed(result.machine)}",
    ]
    downloads = [
        ("scores.csv", data_address(scores_csv(result), "text/csv")),
        ("curves.csv", data_address(curves_csv(result), "text/csv")),
    ]
    return reproduce_section(lines, "comparison", result.command, downloads)
