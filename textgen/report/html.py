"""The report as a page for the browser: one file that works without a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from textgen.evaluation.text_metrics import MIN_VERBATIM
from textgen.page.charts import ChartLine, entry_style, line_chart
from textgen.page.render import (
    Section,
    data_address,
    page_table,
    render,
    render_page,
    reproduce_section,
)
from textgen.report.advice import next_steps
from textgen.report.answer import answer, doubts, overlap, resolution
from textgen.report.bench_tables import report_tables, summary_lines
from textgen.report.columns import curves_csv, scores_csv
from textgen.report.formats import plain, short
from textgen.report.page_tables import DEFINITION, TERMS, Styles, named, table_html
from textgen.report.pictures import (
    category_chart,
    curve_points,
    diversity_chart,
    entry_styles,
    sampler_line,
)
from textgen.report.rows import EntryRow, entry_rows
from textgen.report.samples import chance_entries, known_words, sample_groups
from textgen.report.score_section import score_section
from textgen.report.table_model import Note
from textgen.results.comparison import Comparison
from textgen.results.details import Details, EntryDetails
from textgen.runtime.environment import machines_used

BENCH_SCRIPTS = ("curves.js", "passage_colours.js", "samples.js")


def to_html(
    result: Comparison, details: Details, models: Sequence[dict[str, Any]] = (), readers: str = ""
) -> str:
    """Return the whole report of a comparison, which can write with `models` (see `PortableNetwork`).

    `readers` is what is known of people who guessed its text.
    """
    rows = entry_rows(result)
    styles = entry_styles(rows)
    ran = [row for row in rows if row.runs]
    by_name = {entry.name: entry for entry in details.entries}
    ordered = [by_name[row.name] for row in rows if row.name in by_name]
    readings = [entry for entry in ordered if entry.reading is not None]
    curves = curve_points(rows)
    found = report_tables(result)
    tables: defaultdict[str, Markup] = defaultdict(Markup)
    tables |= {view: table_html(table, styles) for view, table in found.items()}
    pair = render("bench_pair.html") if details.passages and len(readings) > 1 else Markup()
    diversity = _diversity(result, ordered, styles) + tables["generated"]
    sections = [
        Section("write", "Write with them", render("bench_write.html") if models else Markup()),
        Section("scores", "Scores", score_section(result, found, styles, readers)),
        Section("samples", "Samples", _samples(result, ordered, styles)),
        Section("passages", "The same passage, read by each", _passages(details, readings)),
        Section("pair", "Two entries against each other", pair),
        Section("curves", "Learning curves", _curves(curves, tables["curves"])),
        Section("next", "What to try next", _next(result)),
        Section("bits", "Where the bits go", category_chart(ran, styles) + tables["categories"]),
        Section("diversity", "Quality and diversity", diversity),
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
        "colors": {row.name: index for index, row in enumerate(rows)},
        "chance": sorted(chance_entries(result)),
        "comparison": result,
    } | ({"models": models} if models else {})
    title = f"Comparison on {result.corpus.name}"
    scripts = (*BENCH_SCRIPTS, "writer.js") if models else BENCH_SCRIPTS
    return render_page(
        title,
        answer(result),
        sections,
        data,
        scripts,
        terms=TERMS,
        context=context(result),
        definition=DEFINITION,
    )


def _next(result: Comparison) -> Markup:
    """Return what to try next with each entry."""
    lines = list(next_steps(result))
    return render("notes.html", notes=[Note(line) for line in lines]) if lines else Markup()


def _curves(curves: Sequence[dict[str, Any]], table: Markup) -> Markup:
    """Return the learning curves over the seconds of training."""
    lines = [
        ChartLine(
            curve["name"],
            [(point["seconds"], point["bits"]) for point in curve["points"]],
            style=entry_style(curve["color"]),
        )
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


def _samples(result: Comparison, entries: Sequence[EntryDetails], styles: Styles) -> Markup:
    groups = sample_groups(result)
    if not groups:
        return Markup()
    return render(
        "bench_samples.html",
        groups=groups,
        chance=chance_entries(result),
        names={name: named(name, styles) for group in groups for name, _ in group.texts},
        known=known_words(result),
        min_verbatim=MIN_VERBATIM,
        errors=[f"{entry.name}: {error}" for entry in entries for error in entry.errors],
    )


def _diversity(result: Comparison, entries: Sequence[EntryDetails], styles: Styles) -> Markup:
    """Return real words against different bigrams, as each entry writes at several temperatures."""
    lines = [
        sampler_line(
            entry.name,
            [(each.sampler.rpartition("=")[2], each.metrics) for each in entry.writing],
            styles[entry.name],
        )
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
    hashed, told = result.corpus.sha256, {*doubts(result), resolution(result), overlap(result)}
    said = (line for line in summary_lines(result) if line and line not in told)
    lines = [line.replace(hashed[:12], hashed) for line in said]
    downloads = [
        ("scores.csv", data_address(scores_csv(result), "text/csv")),
        ("curves.csv", data_address(curves_csv(result), "text/csv")),
    ]
    return reproduce_section(lines, "comparison", result.command, downloads)


def context(result: Comparison) -> str:
    """Return what a reader must know before the answer."""
    return plain(" · ".join(_parts(result)))


def _parts(result: Comparison) -> Iterator[str]:
    corpus = result.corpus
    held_out = corpus.split.scored(result.scored_on)
    yield (
        f"{corpus.name}: {short(corpus.num_chars)} characters, of which {short(held_out.num_chars)} are held "
        f"out and scored ({result.scored_on})"
    )
    yield f"{result.budget} of training each"
    yield machines_used(run.machine for run in result.runs) or result.machine.description
    trained = [run.train for run in result.runs if run.train.num_updates]
    if trained:
        paces = sorted(train.chars_per_second for train in trained)
        ends = list(dict.fromkeys(map(short, (paces[0], paces[-1]))))
        yield f"trained at {' to '.join(ends)} characters/s".replace(" k", "\u00a0k")
    shares = [train.cpu_utilization for train in trained if train.cpu_utilization is not None]
    if shares:
        yield f"CPU utilization at least {100 * min(shares):.0f} %"
    seeds = len({run.seed for run in result.entries})
    yield f"{seeds} seed{'s' * (seeds > 1)}"
    if result.made:
        yield result.made
