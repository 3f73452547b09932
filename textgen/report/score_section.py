"""The scores on the page of a comparison: picture and table in one, and what can be told apart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from textgen.page.render import page_table, render
from textgen.report.answer import doubts, overlap, resolution
from textgen.report.bench_tables import PERPLEXITIES, score_notes
from textgen.report.columns import VIEWS
from textgen.report.page_tables import Styles, cell_html, hints, named, table_html
from textgen.report.pictures import difference_chart, score_cells
from textgen.report.rows import EntryRow, entry_rows, reference_rows
from textgen.report.table_model import ReportTable, make_table
from textgen.results.comparison import Comparison


def score_section(
    result: Comparison, tables: dict[str, ReportTable], styles: Styles, readers: str = ""
) -> Markup:
    """Return the scores with their picture, in other units, and the differences, which are folded.

    `readers` is what is known of people who guessed the text.
    """
    if "scores" not in tables:
        return Markup()
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    scores = tables["scores"]
    measured = [row for row in ranked if row.num_parameters]
    units = make_table("Scores in other units", PERPLEXITIES, VIEWS["units"].columns(), measured)
    return render(
        "bench_scores.html",
        doubts=list(doubts(result)),
        table=_with_picture(result, scores, ranked, styles),
        told_apart=list(filter(None, [resolution(result), overlap(result), readers])),
        notes=list(score_notes(result, entry_rows(result))),
        references=result.references,
        units=table_html(units, styles),
        differences=difference_chart(result, styles) + table_html(tables["differences"], styles)
        if "differences" in tables
        else Markup(),
    )


def _with_picture(
    result: Comparison, scores: ReportTable, ranked: Sequence[EntryRow], styles: Styles
) -> Markup:
    """Return the table of scores, with the picture of each one and its interval before the numbers."""
    caption = scores.caption.replace(f" {PERPLEXITIES}", "")
    table = make_table(scores.title, caption, VIEWS["page"].columns(), ranked)
    axis, pictures = score_cells(result, ranked, styles)
    rows = [
        [named(row.name, styles), picture, *map(cell_html, row.cells)]
        for row, picture in zip(table.rows, pictures, strict=True)
    ]
    return page_table(
        table.title,
        ["entry", axis, *(column.title for column in table.columns)],
        rows,
        caption=table.caption,
        lefts=[0, 1, *(place for place, column in enumerate(table.columns, 2) if column.align == "left")],
        hints=hints(table.columns, first=2),
        references=[number for number, row in enumerate(table.rows) if row.is_reference],
        extras=[place for place, column in enumerate(table.columns, 2) if column.name != "bits_per_char"],
    )
