"""The report on a terminal, drawn with rich to its width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table as Grid
from rich.text import Text

from textgen.reports.document import (
    Block,
    Cell,
    Code,
    Column,
    Lines,
    Note,
    Report,
    SampleGroup,
    Samples,
    Table,
    TableRow,
)

GAP = 2
MIN_NAME_WIDTH = 20
MIN_SAMPLE = 34
"""Minimum width of a sample next to others, in characters."""
MADE_UP = "underline magenta"


def render(report: Report, console: Console, *, full: bool = True) -> None:
    """Print a report as wide as the console; without `full`, what matters most."""
    parts: list[RenderableType] = [Text(report.answer, "bold")]
    parts += [Text(line, "dim") for line in (*report.cautions, report.context) if line]
    if full and report.title:
        parts += ["", _heading(report.title, console)]
        parts += [Text(report.definition, "dim italic")] if report.definition else []
    for number, section in enumerate(report.shown("full" if full else "brief")):
        if section.title or number:
            parts.append("")
        if section.needs_heading():
            parts.append(_heading(section.title, console))
        before: Block | None = None
        for block in section.blocks:
            if before and (isinstance(block, (Table, Code)) or isinstance(before, Code)):
                parts.append("")
            parts += _drawn(block, console)
            before = block
    if full:
        parts += [Text(line, "dim") for line in ("", *report.made)]
    console.print(Group(*parts), crop=False)


def _drawn(block: Block, console: Console) -> Iterator[RenderableType]:
    """Yield what is drawn of a block; nothing of one that is for pages."""
    match block:
        case Lines():
            yield from (_line(note, "dim" if block.is_aside else "") for note in block.notes)
        case Code():
            yield Text(block.text, no_wrap=True, overflow="ignore")  # unbroken, to be pasted
        case Table():
            yield from _table(block, console)
        case Samples():
            yield from _samples(block, console.width)


def _heading(title: str, console: Console) -> RenderableType:
    """Return a title with a rule after it, if there is room."""
    text = Text(title, "bold")
    return Rule(text, align="left", style="dim") if len(text) < console.width - 1 else text


def _line(note: Note, style: str = "") -> Text:
    label = f"{note.label}: " if note.words else note.label
    return Text.assemble((label, style or ("bold" if note.words else "")), "  ".join(note.words))


def _table(table: Table, console: Console) -> Iterator[RenderableType]:
    """Draw a table under its title and caption; without a title, the caption is below it."""
    caption = [Text(table.caption, "dim italic")] if table.caption else []
    if table.title:
        yield from (_heading(table.title, console), *caption, "")
    yield from _fitted(table, console)
    yield from () if table.title else caption
    yield from (_line(note, "bold") for note in table.notes)


def _fitted(table: Table, console: Console) -> Iterator[RenderableType]:
    """Draw as much as fits, and say what does not.

    Extra columns are left out first, then spreads and other columns. A table that keeps all of that has its
    cells folded.
    """
    if table.keeps_columns and _room(_grid(table, console.width), console) < 0:
        yield _folded(table)
        return
    num_columns, num_extra = len(table.columns), sum(column.extra for column in table.columns)
    attempts = [
        *product((True, False), range(num_columns, num_columns - num_extra - 1, -1)),
        *((False, num_shown) for num_shown in range(num_columns - num_extra - 1, 0, -1)),
    ]
    for spreads, num_shown in attempts:
        grid = _grid(table, console.width, num_shown, spreads=spreads)
        if _room(grid, console) >= 0:
            break
    names = [Text(row.name, _style(row), overflow="fold") for row in table.rows]
    yield _NamedRows(grid, names, _name_room(console.width))
    if left_out := [column.title for column in table.columns[num_shown:]]:
        yield Text(f"Left out at {console.width} columns: {', '.join(left_out)}.", "dim italic")


def _room(grid: Grid, console: Console) -> int:
    """Return how much narrower a grid is than the console; below zero if it is wider."""
    return console.width - console.measure(grid, options=console.options.update(max_width=1000)).maximum


def _folded(table: Table) -> Grid:
    """Return all columns of a table, with cells of several lines."""
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False)
    grid.add_column(Text(table.names), overflow="fold")
    for column in table.columns:
        grid.add_column(Text(column.title), justify=column.align, overflow="fold")
    for row in table.rows:
        cells = [
            Text.assemble((cell.text, "bold green" if cell.best else ""), (cell.spread, "dim"))
            for cell in row.cells
        ]
        grid.add_row(Text(row.name), *cells, style=_style(row))
    return grid


@dataclass
class _NamedRows:
    """A grid, each of whose rows is one line; names that are too long for it precede theirs."""

    grid: Grid
    names: Sequence[Text]
    room: int

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType | Segment]:
        lines = console.render_lines(self.grid, options, pad=False)
        num_headers = len(lines) - len(self.names)
        for index, line in enumerate(lines):
            if index >= num_headers and len(name := self.names[index - num_headers]) > self.room:
                yield name
            yield from (*line, Segment.line())


def _name_room(width: int) -> int:
    """Return the length of the longest names that are beside their values."""
    return min(max(MIN_NAME_WIDTH, width // 4), width)


def _grid(table: Table, width: int, num_shown: int | None = None, *, spreads: bool = True) -> Grid:
    """Return the first columns of a table, with or without the spreads of their values."""
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False)
    shown = table.columns[:num_shown]
    headers = [each.header for each in shown]
    top = "\n" * any("\n" in header for header in headers)
    grid.add_column(f"{top}{table.names}", no_wrap=True)
    names = [row.name if len(row.name) <= _name_room(width) else "" for row in table.rows]
    cells = [list(map(Text, names))]
    for index, (column, header) in enumerate(zip(shown, headers, strict=True)):
        aligned = header if "\n" in header else top + header
        grid.add_column(Text(aligned, justify=column.align), no_wrap=True)
        cells.append(_aligned(column, header, [row.cells[index] for row in table.rows], spreads))
    for row, line in zip(table.rows, zip(*cells, strict=True), strict=True):
        grid.add_row(*line, style=_style(row))
    return grid


def _aligned(column: Column, header: str, cells: Sequence[Cell], spreads: bool) -> list[Text]:
    """Align the numbers of a column by hand, since a spread after them must not move them."""
    spread = max(len(cell.spread) for cell in cells) * spreads
    lengths = [len(cell.text) + spread * cell.text[:1].isdigit() for cell in cells]
    width = max(*lengths, *map(len, header.split("\n"))) - spread if column.align == "right" else 0
    return [
        Text.assemble(
            (cell.text.rjust(width), "bold green" if cell.best else ""), (cell.spread * spreads, "dim")
        )
        for cell in cells
    ]


def _style(row: TableRow) -> str:
    failed = any(cell.text == "failed" for cell in row.cells)
    return "red" if failed else "dim italic" if row.is_reference else ""


def _samples(samples: Samples, width: int) -> Iterator[RenderableType]:
    """Yield the samples of each prompt side by side, with made-up words marked."""
    if any(name in samples.made_up for group in samples.groups for name, _ in group.texts):
        caption = f"Made-up words, which are not in {samples.known}, are "
        yield Text.assemble(caption, ("underlined", MADE_UP), ".", style="dim italic")
    for group in samples.groups:
        yield from ("", Text.assemble((group.prompt, "bold"), (f"  {group.sampler}", "dim")))
        yield from _side_by_side(group, samples.made_up, width)


def _side_by_side(
    group: SampleGroup, made_up: Mapping[str, Sequence[str]], width: int
) -> Iterator[RenderableType]:
    longest = max(len(name) for name, _ in group.texts)
    most = max(1, (width + GAP + 1) // (max(MIN_SAMPLE, longest) + GAP + 1))
    num_rows = -(-len(group.texts) // most)
    num_columns = -(-len(group.texts) // num_rows)
    column_width = (width - (GAP + 1) * (num_columns - 1)) // num_columns
    for start in range(0, len(group.texts), num_columns):
        grid = Grid(box=box.MINIMAL, show_edge=False, padding=(0, 1), pad_edge=False)
        texts = []
        for name, written in group.texts[start : start + num_columns]:
            grid.add_column(Text(name, "bold"), width=column_width, overflow="fold")
            texts.append(Text(written))
            words = "|".join(map(re.escape, made_up.get(name, ())))
            if words:
                texts[-1].highlight_regex(rf"(?i)(?<!\w)(?:{words})(?!\w)", MADE_UP)
        grid.add_row(*texts)
        yield from ("", grid)
