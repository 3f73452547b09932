"""Reports as pages for the browser, files that work without a network, and as HTML for Jupyter."""

from __future__ import annotations

from markupsafe import Markup

from textgen.page.render import data_address, notebook_block, notebook_table, render, render_page
from textgen.reports.document import Block, Cell, Chart, Code, Lines, Report, Samples, Table, Template

MAX_ON_PHONE = 3
"""Columns beside the names that a phone has room for."""
BREAKABLE = Markup('<span style="overflow-wrap: anywhere">{}</span>')
"""For texts in a notebook that may have no space, which would widen it."""
FOLDED = Markup("<details><summary>{}</summary>{}</details>")


def to_html(report: Report) -> str:
    """Return the page of a report."""
    shown = list(report.shown(is_page=True))
    sections = [
        (each.id, each.title, Markup().join(block_html(block, report) for block in each.blocks))
        for each in shown
    ]
    downloads = [(file.name, data_address(file.text(), "text/csv")) for file in report.files]
    reproduce = render("reproduce.html", report=report, downloads=downloads)
    sections.append(("reproduce", "Reproduce and download", reproduce))
    tables = [block for each in shown for block in each.blocks if isinstance(block, Table)]
    columns = [column for table in tables for column in table.columns]
    hints = {column.name: column.hint for column in columns if column.hint}
    data = {**report.data, report.kind: report.result}
    return render_page(
        "page.html", data, report.scripts, title=report.title, report=report, sections=sections, hints=hints
    )


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
            "hint": column.name if column.hint else "",
            "meaning": column.hint,
        }
        for place, column in enumerate(table.columns)
    ]
    return render(
        "table.html", table=table, columns=columns, axis=axis, pictures=pictures, styles=report.styles
    )


# --- notebooks


def to_notebook(report: Report) -> str:
    """Return the answer and the first table of a report; its other tables and its samples are folded up."""
    shown = [(section, block) for section in report.shown() for block in section.blocks]
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
