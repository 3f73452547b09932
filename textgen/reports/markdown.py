"""Reports as Markdown (GitHub's dialect), complete; tables, and text that is shown unchanged."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from textgen.reports.document import Block, Cell, Code, Lines, Note, Report, Samples, Table

TEXT_WIDTH = 100
"""Characters per line of a fenced text."""


def to_markdown(report: Report) -> str:
    """Return the whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    if report.title:
        yield f"# {escape(report.title)}\n"
    yield f"**{escape(report.answer)}**"
    texts = (*report.cautions, report.context, report.definition)
    yield from (f"\n{escape(text)}" for text in texts if text)
    for section in report.shown("full"):
        if section.needs_heading():
            yield f"\n## {escape(section.title)}"
        for block in section.blocks:
            yield from _block_lines(block)
    if report.made:
        yield from ("\n## How it was made\n", *(f"- {escape(line)}" for line in report.made))


def _block_lines(block: Block) -> Iterator[str]:
    """Yield the lines of a block, after a blank one; none of a block that is for pages."""
    match block:
        case Lines(is_list=True):
            yield from ("", *map(_item, block.notes))
        case Lines():
            yield from (f"\n{escape(note.label)}" for note in block.notes)
        case Code():
            yield f"\n    {block.text}"
        case Table():
            yield from (f"\n## {escape(block.title)}",) if block.title else ()
            yield from (f"\n{escape(block.caption)}",) if block.caption else ()
            yield from ("", *markdown_table(block))
            yield from ("", *map(_item, block.notes)) if block.notes else ()
        case Samples():
            for group in block.groups:
                yield f"\n### {code(group.prompt)}\n\n{escape(group.sampler)}"
                yield from (f"\n**{escape(name)}**\n\n{fenced(text)}" for name, text in group.texts)


def _item(note: Note) -> str:
    return f"- {escape(note.label)}" + (": " + ", ".join(map(code, note.words)) if note.words else "")


def markdown_table(table: Table) -> Iterator[str]:
    """Yield the lines of a table, without its title, caption and notes."""
    rows = [[escape(table.names), *(escape(column.title) for column in table.columns)]]
    for row in table.rows:
        name = f"*{escape(row.name)}*" if row.is_reference else escape(row.name)
        rows.append([name, *map(_cell, row.cells)])
    lefts = [index for index, column in enumerate(table.columns, start=1) if column.align == "left"]
    return table_lines(rows, [0, *lefts])


def _cell(cell: Cell) -> str:
    text = f"**{escape(cell.text)}**" if cell.best else escape(cell.text)
    return f"{text} {escape(cell.spread)}" if cell.spread else text


def table_lines(rows: Sequence[Sequence[str]], lefts: Sequence[int] = (0,)) -> Iterator[str]:
    """Yield a table; its first row is the header.

    The columns of the indices in `lefts` are aligned to the left, the others to the right. Cells are
    Markdown, which `escape` makes of any text.
    """
    header, *body = rows = [[re.sub(r"(?<!\\)\|", r"\|", cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = [
        f":{'-' * max(width - 1, 2)}" if index in lefts else f"{'-' * max(width - 1, 2)}:"
        for index, width in enumerate(widths)
    ]
    for row in (header, rule, *body):
        cells = [
            cell.ljust(width) if index in lefts else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it unchanged, on one line and in a table too.

    A command of pip becomes code, so that it can be pasted from the source too.
    """
    special = r"""(pip install "[^"`|]+")|([\\`*<>\[\]|~&]|(?<!\w)_|_(?!\w))"""
    return re.sub(
        special, lambda found: f"`{found[1]}`" if found[1] else f"\\{found[2]}", " ".join(text.split())
    )


def code(text: str) -> str:
    """Return `text` as code within a line."""
    ticks = _longer_than_any(text, 1)
    pad = " " if len(ticks) > 1 else ""
    return f"{ticks}{pad}{' '.join(text.split())}{pad}{ticks}"


def fenced(text: str) -> str:
    """Return `text` as a block, with its long lines wrapped."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, TEXT_WIDTH)]
    fence = _longer_than_any(text, 3)
    return "\n".join([f"{fence}text", *lines, fence])


def _longer_than_any(text: str, least: int) -> str:
    return "`" * max(least, *(1 + len(ticks) for ticks in re.findall("`+", text)), 0)
