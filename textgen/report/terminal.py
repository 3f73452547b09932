"""The report on a terminal, drawn with rich to its width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table as Grid
from rich.text import Text

from textgen.report.advice import next_steps
from textgen.report.answer import answer, doubts, resolution
from textgen.report.bench_tables import brief_summary, brief_table, report_tables, summary_lines
from textgen.report.ladder_answer import ladder_answer
from textgen.report.ladder_tables import ladder_summary, ladder_tables
from textgen.report.samples import (
    SampleGroup,
    brief_samples,
    known_words,
    made_up_words,
    sample_groups,
)
from textgen.report.table_model import MAX_NOTED_WORDS, Cell, Column, Note, ReportTable, TableRow
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder

GAP = 2
MIN_NAME_WIDTH = 20
MIN_BAR, MAX_BAR = 6, 40
MIN_SAMPLE = 34
"""Minimum width of a sample next to others, in characters."""
MADE_UP = "underline magenta"
ASCII = str.maketrans("\N{EN DASH}±·→█▉▊▋▌▍▎▏▁▂▃▄▅▆▇─│┼", "-~.>####    _,-=+*%-|+")
"""Replacements of the same width, for encodings other than UTF."""
RULED, DIVIDED = (box.Box(str(lines), ascii=True) for lines in (box.SIMPLE_HEAD, box.MINIMAL))
"""Called ASCII so that rich leaves them unchanged: what the encoding lacks is replaced here."""


def render(result: Comparison, console: Console) -> None:
    """Print the whole report of a comparison, as wide as the console."""
    parts: list[RenderableType] = [Text(answer(result), "bold"), ""]
    parts += [_heading(f"Comparison on {result.corpus.name}")]
    parts += [Text(line, "dim") for line in summary_lines(result) if line]
    for table in report_tables(result).values():
        parts += ["", _heading(table.title), Text(table.caption, "dim italic"), ""]
        parts += [*_draw(table, console), *map(_note, table.notes)]
    if advice := list(next_steps(result)):
        parts += ["", _heading("What to try next"), *map(Text, advice)]
    groups, made_up = sample_groups(result), made_up_words(result)
    parts += _samples(groups, made_up, console.width, known_words(result))
    if made_up:
        parts += ["", _heading("Made-up words")]
        parts += [_note(Note(name, words[:MAX_NOTED_WORDS])) for name, words in made_up.items()]
    console.print(_Encodable(Group(*parts)))


def render_brief(result: Comparison, console: Console) -> None:
    """Print the answer, one table and samples; `render` prints everything."""
    table, (groups, num_more) = brief_table(result), brief_samples(result)
    about = (*doubts(result), resolution(result), brief_summary(result))
    parts: list[RenderableType] = [Text(answer(result), "bold")]
    parts += [*(Text(line, "dim") for line in about if line), ""]
    parts += [*_draw(table, console), Text(table.caption, "dim italic"), *map(_note, table.notes)]
    parts += _samples(groups, made_up_words(result), console.width, known_words(result))
    more = f"{num_more} more prompts, where" if num_more else "Where"
    rest = f"{more} the bits go, repetition, learning curves, references and settings: --full"
    console.print(_Encodable(Group(*parts, "", Text(rest, "dim"))))


def render_ladder(result: Ladder, console: Console, *, full: bool = False) -> None:
    """Print the answer and the tables of a ladder; without `full`, not how much each budget allowed."""
    parts: list[RenderableType] = [Text(ladder_answer(result), "bold"), Text(ladder_summary(result), "dim")]
    for name, table in ladder_tables(result).items():
        if full or name != "training":
            parts += ["", _heading(table.title), Text(table.caption, "dim italic"), ""]
            parts += [*_draw(table, console), *map(_note, table.notes)]
    if not full:
        parts += ["", Text("Characters, updates and seconds of each budget: --full", "dim")]
    console.print(_Encodable(Group(*parts)))


def render_samples(groups: Sequence[SampleGroup], console: Console) -> None:
    """Print samples of the same prompts side by side."""
    console.print(_Encodable(Group(*_samples(groups, {}, console.width))))


@dataclass
class _Encodable:
    """Content in the characters that the console's encoding has."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.content, options):
            text = segment.text.translate(ASCII) if options.ascii_only else segment.text
            yield segment._replace(text=text.encode(options.encoding, "replace").decode(options.encoding))


def _heading(title: str) -> Rule:
    return Rule(Text(title, "bold"), align="left", style="dim")


def _note(note: Note) -> Text:
    return Text.assemble((f"{note.label}: " if note.words else note.label, "bold"), "  ".join(note.words))


def _draw(table: ReportTable, console: Console) -> Iterator[RenderableType]:
    """Draw as much as fits, and say what does not.

    Extra columns are left out first, then bars, spreads and other columns; headers are hyphenated where that
    saves one of these.
    """
    num_columns, num_extra = len(table.columns), sum(column.extra for column in table.columns)
    bars = (MIN_BAR, 0) if any(row.bar for row in table.rows) else (0,)
    attempts = [
        *product((True, False), bars, range(num_columns, num_columns - num_extra - 1, -1), (False, True)),
        *((False, 0, num_shown, True) for num_shown in range(num_columns - num_extra - 1, 0, -1)),
    ]
    for spreads, bar, num_shown, hyphenated in attempts:
        layout = partial(_grid, table, console.width, num_shown, spreads=spreads, hyphenated=hyphenated)
        grid = layout()
        room = console.width - console.measure(grid, options=console.options.update(max_width=1000)).maximum
        if room >= (bar and GAP + bar):
            grid = layout(bar and min(room - GAP, MAX_BAR))
            break
    names = [Text(row.name, _style(row), overflow="fold") for row in table.rows]
    yield _NamedRows(grid, names, _name_room(console.width))
    if left_out := [column.title for column in table.columns[num_shown:]]:
        yield Text(f"Left out at {console.width} columns: {', '.join(left_out)}.", "dim italic")


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


def _grid(
    table: ReportTable, width: int, num_shown: int, bar_width: int = 0, *, spreads: bool, hyphenated: bool
) -> Grid:
    """Return the first columns of a table, with headers that are broken within words if `hyphenated`."""
    grid = Grid(box=RULED, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False)
    shown = table.columns[:num_shown]
    headers = [each.lines(hyphenated=hyphenated) for each in shown]
    top = "\n" * any("\n" in header for header in headers)
    grid.add_column(f"{top}entry", no_wrap=True)
    names = [row.name if len(row.name) <= _name_room(width) else "" for row in table.rows]
    cells = [list(map(Text, names))]
    for index, (column, header) in enumerate(zip(shown, headers, strict=True)):
        aligned = header if "\n" in header else top + header
        grid.add_column(Text(aligned, justify=column.align), no_wrap=True)
        cells.append(_aligned(column, header, [row.cells[index] for row in table.rows], spreads))
    if bar_width:
        grid.add_column()
        cells.append([_bar(row, bar_width) for row in table.rows])
    for row, line in zip(table.rows, zip(*cells, strict=True), strict=True):
        grid.add_row(*line, style=_style(row))
    return grid


def _aligned(column: Column[Any], header: str, cells: Sequence[Cell], spreads: bool) -> list[Text]:
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


def _bar(row: TableRow, width: int) -> Text:
    eighths = round(row.bar * width * 8)
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]
    best = any(cell.best for cell in row.cells[:1])
    return Text(bar.rstrip(), "dim" if row.is_reference else "green" if best else "")


def _samples(
    groups: Sequence[SampleGroup], made_up: dict[str, list[str]], width: int, known: str = ""
) -> Iterator[RenderableType]:
    """Yield the samples of each prompt side by side, with made-up words, which `known` lacks, marked."""
    if groups:
        yield from ("", _heading("Samples"))
    if any(name in made_up for group in groups for name, _ in group.texts):
        caption = f"Made-up words, which are not in {known}, are "
        yield Text.assemble(caption, ("underlined", MADE_UP), ".", style="dim italic")
    for group in groups:
        yield from ("", Text.assemble((group.prompt, "bold"), (f"  {group.sampler}", "dim")))
        yield from _side_by_side(group, made_up, width)


def _side_by_side(group: SampleGroup, made_up: dict[str, list[str]], width: int) -> Iterator[RenderableType]:
    longest = max(len(name) for name, _ in group.texts)
    most = max(1, (width + GAP + 1) // (max(MIN_SAMPLE, longest) + GAP + 1))
    num_rows = -(-len(group.texts) // most)
    num_columns = -(-len(group.texts) // num_rows)
    column_width = (width - (GAP + 1) * (num_columns - 1)) // num_columns
    for start in range(0, len(group.texts), num_columns):
        grid = Grid(box=DIVIDED, show_edge=False, padding=(0, 1), pad_edge=False)
        texts = []
        for name, written in group.texts[start : start + num_columns]:
            grid.add_column(Text(name, "bold"), width=column_width, overflow="fold")
            texts.append(Text(written))
            words = "|".join(map(re.escape, made_up.get(name, ())))
            if words:
                texts[-1].highlight_regex(rf"(?i)(?<!\w)(?:{words})(?!\w)", MADE_UP)
        grid.add_row(*texts)
        yield from ("", grid)
