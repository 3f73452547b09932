"""Reports as pages for the browser: one file that works without a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from textgen.page.render import data_address, project_address, render, render_page
from textgen.reports.document import Block, Chart, Code, Folded, Lines, Report, Samples, Table, Template

MAX_ON_PHONE = 3
"""Columns beside the names that a phone has room for."""
FOLDED = Markup("<details>\n<summary>{}</summary>\n{}</details>\n")


def to_html(report: Report) -> str:
    """Return the page of a report."""
    shown = list(report.shown("page"))
    sections = [(each.id, each.title, _joined(report, each.blocks)) for each in shown]
    downloads = [(file.name, data_address(file.text(), "text/csv")) for file in report.files]
    reproduce = render("reproduce.html", report=report, downloads=downloads)
    sections.append(("reproduce", "Reproduce and download", reproduce))
    columns = [column for each in shown for table in _tables(each.blocks) for column in table.columns]
    hints = {column.name: column.meaning for column in columns if column.meaning}
    data = {**report.data, report.kind: report.result}
    return render_page(
        "page.html",
        data,
        report.scripts,
        title=report.title,
        report=report,
        sections=sections,
        hints=hints,
        address=project_address(),
    )


def _joined(report: Report, blocks: Iterable[Block]) -> Markup:
    return Markup().join(block_html(block, report) for block in blocks)


def _tables(blocks: Iterable[object]) -> Iterator[Table]:
    """Yield the tables among blocks, and in them."""
    for block in blocks:
        match block:
            case Table():
                yield block
            case Folded():
                yield from _tables(block.blocks)
            case Template():
                yield from _tables(block.values.values())


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
        case Chart():
            drawn = block.drawing.svg()
        case Samples():
            drawn = render("samples.html", samples=block, styles=report.styles)
        case Folded():
            drawn = FOLDED.format(block.summary, _joined(report, block.blocks))
        case Template():
            values = {
                name: block_html(value, report) if isinstance(value, Block) else value
                for name, value in block.values.items()
            }
            drawn = render(block.name, styles=report.styles, **values)
    return drawn


def _table(table: Table, report: Report) -> Markup:
    """Return a table with its notes, its picture, and the colours of its entries."""
    axis, pictures = table.picture.cells() if table.picture else (None, [])
    room = 1 if table.picture else MAX_ON_PHONE
    columns = [
        {
            "title": column.title,
            "is_left": column.align == "left",
            "is_extra": column.extra or (place >= room and not table.keeps_columns),
            "hint": column.name if column.meaning else "",
            "meaning": column.meaning,
        }
        for place, column in enumerate(table.columns)
    ]
    return render(
        "table.html", table=table, columns=columns, axis=axis, pictures=pictures, styles=report.styles
    )
