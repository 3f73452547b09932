"""Reports as HTML for Jupyter: the answer and the first table; what else there is, is folded up."""

from __future__ import annotations

from markupsafe import Markup

from textgen.page.render import notebook_block, notebook_table, render
from textgen.reports.document import Cell, Report, Samples, Table

BREAKABLE = Markup('<span style="overflow-wrap: anywhere">{}</span>')
"""For texts that may have no space, which would widen the page."""
FOLDED = Markup("<details><summary>{}</summary>{}</details>")


def to_notebook(report: Report) -> str:
    """Return the answer, the tables and the samples of a report."""
    shown = [(section, block) for section in report.shown("full") for block in section.blocks]
    tables = [(block.title or section.title, block) for section, block in shown if isinstance(block, Table)]
    parts = [_notebook_table(table) for _, table in tables[:1]]
    parts += [
        FOLDED.format(title, Markup("<p>{}</p>").format(table.caption) + _notebook_table(table))
        for title, table in tables[1:]
    ]
    samples = (
        FOLDED.format(section.title, _samples(each)) for section, each in shown if isinstance(each, Samples)
    )
    return notebook_block(Markup("<p><b>{}</b></p>").format(report.answer), *parts, *samples)


def _notebook_table(table: Table) -> Markup:
    """Return a table with its notes, without its extra columns."""
    shown = [place for place, column in enumerate(table.columns) if not column.extra]
    columns = [table.columns[place] for place in shown]
    lefts = [0, *(index for index, column in enumerate(columns, start=1) if column.align == "left")]
    rows = [
        [
            Markup("<i>{}</i>").format(row.name) if row.is_reference else row.name,
            *(_cell(row.cells[place]) for place in shown),
        ]
        for row in table.rows
    ]
    drawn = notebook_table([table.names, *(column.title for column in columns)], rows, lefts)
    return drawn + render("notes.html", notes=table.notes) if table.notes else drawn


def _cell(cell: Cell) -> Markup:
    return Markup("<b>{}</b>{}" if cell.best else "{}{}").format(cell.text, cell.spread)


def _samples(samples: Samples) -> Markup:
    return Markup().join(
        Markup("<p><i>{}</i> ({})</p>").format(group.prompt, group.sampler)
        + notebook_table((), [[name, BREAKABLE.format(text)] for name, text in group.texts], lefts=(0, 1))
        for group in samples.groups
    )
