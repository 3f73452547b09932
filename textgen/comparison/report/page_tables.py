"""Tables of the report in HTML, for pages and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from textgen.comparison.report.table import Cell, Column, ReportTable
from textgen.comparison.report.terms import HINTS
from textgen.page.render import breakable, notebook_table, page_table, render

MAX_ON_PHONE = 3
"""Columns beside the names that a phone has room for."""

Styles = Mapping[str, str]
"""By the names of entries: the classes of their colours."""
NO_STYLES: Styles = MappingProxyType({})


def table_html(table: ReportTable, styles: Styles = NO_STYLES, *, in_notebook: bool = False) -> Markup:
    """Return a table of the report with its notes; a notebook has it without its extra columns."""
    shown = [place for place, column in enumerate(table.columns) if not (in_notebook and column.extra)]
    columns = [table.columns[place] for place in shown]
    header = ["entry", *(column.title for column in columns)]
    lefts = [0, *(index for index, column in enumerate(columns, start=1) if column.align == "left")]
    references = [number for number, row in enumerate(table.rows) if row.is_reference]
    rows = [
        [named(row.name, styles), *(cell_html(row.cells[place], in_notebook=in_notebook) for place in shown)]
        for row in table.rows
    ]
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
            hints=hints(columns, first=1),
        )
    return drawn + render("notes.html", notes=table.notes) if table.notes else drawn


def cell_html(cell: Cell, *, in_notebook: bool = False) -> Markup:
    """Return the text of a cell, marked if it is the best, with its spread."""
    mark = "b" if in_notebook else "strong"
    text = Markup(f"<{mark}>{{}}</{mark}>" if cell.best else "{}").format(cell.text)
    return text + Markup('<span class="spread">{}</span>').format(cell.spread) if cell.spread else text


def hints(columns: Sequence[Column[Any]], first: int) -> dict[int, str]:
    """Return what columns mean, where that needs a word, by their places from `first` on."""
    return {place: HINTS[each.name] for place, each in enumerate(columns, first) if each.name in HINTS}


def named(name: str, styles: Styles) -> str:
    """Return the name of a row, after its colour if it has one."""
    if name not in styles:
        return name
    return Markup('<i class="swatch {}"></i>{}').format(styles[name], breakable(name))
