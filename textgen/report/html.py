"""Reports as pages for the browser: one file that works without a network."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from textgen.page import render as page
from textgen.page.charts import interval_cells, interval_chart, line_chart, stacked_chart
from textgen.page.render import breakable, render
from textgen.report.csv import to_csv
from textgen.report.document import (
    Block,
    Cell,
    Code,
    Folded,
    IntervalChart,
    LineChart,
    Lines,
    Links,
    Report,
    Reproduce,
    Samples,
    StackedChart,
    Table,
    Template,
)
from textgen.report.glossary import HINTS

MAX_ON_PHONE = 3
"""Columns beside the names that a phone has room for."""
FOLDED = Markup("<details>\n<summary>{}</summary>\n{}</details>\n")
LINK = Markup('<li><a href="{}">{}</a></li>')


def to_html(report: Report) -> str:
    """Return the page of a report."""
    return page.render_page(
        report.title,
        report.answer,
        [
            page.Section(section.id, section.title, _joined(report, section.blocks))
            for section in report.shown("page")
        ],
        {**report.data, report.kind: report.result},
        report.scripts,
        terms=report.terms,
        context=report.context,
        definition=report.definition,
    )


def _joined(report: Report, blocks: Iterable[Block]) -> Markup:
    return Markup().join(block_html(block, report) for block in blocks)


def block_html(block: Block, report: Report) -> Markup:
    """Return what a page has of a block."""
    drawn = Markup()
    match block:
        case Lines(is_list=True):
            drawn = render("notes.html", notes=block.notes)
        case Lines():
            drawn = Markup().join(Markup("<p>{}</p>\n").format(note.label) for note in block.notes)
        case Code():
            drawn = Markup('<pre tabindex="0">{}</pre>\n').format(block.text)
        case Table():
            drawn = _table(block, report)
        case IntervalChart():
            drawn = interval_chart(block.title, block.unit, block.values, zero=block.zero)
        case LineChart():
            axes = (block.title, block.x_unit, block.y_unit)
            drawn = line_chart(*axes, block.drawn, height=block.height, log_ticks=block.log_ticks)
        case StackedChart():
            drawn = stacked_chart(block.title, block.unit, block.parts, block.stacks, report.styles)
        case Samples():
            drawn = render("samples.html", samples=block, styles=report.styles)
        case Links():
            links = Markup().join(LINK.format(address, label) for label, address in block.addresses.items())
            drawn = Markup("<p>{}</p>\n<ul>{}</ul>\n").format(block.text, links)
        case Folded():
            drawn = FOLDED.format(block.summary, _joined(report, block.blocks))
        case Template():
            values = block.values.items()
            drawn = render(
                block.name,
                **{
                    name: block_html(each, report) if isinstance(each, Block) else each
                    for name, each in values
                },
            )
        case Reproduce():
            downloads = [(file.name, page.data_address(to_csv(file), "text/csv")) for file in report.files]
            how = {"command": block.command, "lines": block.lines}
            drawn = render("reproduce.html", **how, downloads=downloads, json=report.kind)
    return drawn


def _table(table: Table, report: Report) -> Markup:
    """Return a table with its notes, its picture, and the colours of its entries."""
    header, pictures = [table.names], []
    if table.picture:
        axis, pictures = interval_cells(table.picture.title, table.picture.values)
        header.append(axis)
    first = len(header)
    columns = list(enumerate(table.columns, first))
    room = first + (1 if table.picture else MAX_ON_PHONE)
    drawn = page.page_table(
        table.title or table.names,
        [*header, *(column.title for column in table.columns)],
        [
            [_named(row.name, report), *pictures[number : number + 1], *map(_cell, row.cells)]
            for number, row in enumerate(table.rows)
        ],
        caption=table.caption,
        lefts=[*range(first), *(place for place, column in columns if column.align == "left")],
        references=[number for number, row in enumerate(table.rows) if row.is_reference],
        extras=[
            place for place, column in columns if column.extra or (place >= room and not table.keeps_columns)
        ],
        hints={place: HINTS[column.name] for place, column in columns if column.name in HINTS},
    )
    return drawn + render("notes.html", notes=table.notes) if table.notes else drawn


def _cell(cell: Cell) -> Markup:
    """Return the text of a cell, marked if it is the best, with its spread."""
    text = Markup("<strong>{}</strong>" if cell.best else "{}").format(cell.text)
    return text + Markup('<span class="spread">{}</span>').format(cell.spread) if cell.spread else text


def _named(name: str, report: Report) -> str:
    """Return the name of a row, after its colour if it has one."""
    if name not in report.styles:
        return name
    return Markup('<i class="swatch {}"></i>{}').format(report.styles[name], breakable(name))
