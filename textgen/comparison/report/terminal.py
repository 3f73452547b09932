"""The report on a terminal, drawn with rich to its width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table as Grid
from rich.text import Text

from textgen.comparison.report.answer import answer
from textgen.comparison.report.columns import Column
from textgen.comparison.report.contents import summary, tables
from textgen.comparison.report.table import NUM_WORDS, Note, Row, Table
from textgen.comparison.report.written import SampleGroup, made_up_words, sample_groups
from textgen.comparison.results import Comparison

GAP = 2
MIN_NAME = 20
MIN_BAR, MAX_BAR = 6, 40
MIN_SAMPLE = 34
"""Minimum width of a sample next to others, in characters."""
MADE_UP = "underline magenta"
ASCII = str.maketrans("\N{EN DASH}±·█▉▊▋▌▍▎▏▁▂▃▄▅▆▇─│┼", "-~.####    _,-=+*%-|+")
"""Replacements of the same width, for encodings other than UTF."""
RULED, DIVIDED = (box.Box(str(lines), ascii=True) for lines in (box.SIMPLE_HEAD, box.MINIMAL))
"""Called ASCII so that rich leaves them unchanged: what the encoding lacks is replaced here."""


def render(result: Comparison, console: Console) -> None:
    """Print the report of a comparison, as wide as the console."""
    parts: list[RenderableType] = [Text(answer(result), "bold"), ""]
    parts += [_heading(f"Comparison on {result.corpus.name}")]
    parts += [Text(line, "dim") for line in summary(result) if line]
    for table in tables(result):
        parts += ["", _heading(table.title), Text(table.caption, "dim italic"), ""]
        parts += [_draw(table, console), *map(_note, table.notes)]
    console.print(_Encodable(Group(*parts, *_samples(result, console.width))))


@dataclass
class _Encodable:
    """Content in the characters that the console's encoding has."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.content, options):
            text = segment.text.translate(ASCII) if options.ascii_only else segment.text
            yield segment._replace(text=text.encode(options.encoding, "replace").decode(options.encoding))


def _heading(title: str) -> Rule:
    return Rule(Text(title, "bold"), align="left", style="cyan")


def _note(note: Note) -> Text:
    return Text.assemble((f"{note.label}: " if note.words else note.label, "bold"), "  ".join(note.words))


def _draw(table: Table, console: Console) -> Grid:
    """Draw as much as fits: extra columns are left out first, then bars, spreads and other columns."""
    num_columns, num_extra = len(table.columns), sum(column.extra for column in table.columns)
    bars = (MIN_BAR, 0) if any(row.bar for row in table.rows) else (0,)
    attempts = [
        *product((True, False), bars, range(num_columns, num_columns - num_extra - 1, -1)),
        *((False, 0, num_shown) for num_shown in range(num_columns - num_extra - 1, 0, -1)),
    ]
    for spreads, bar, num_shown in attempts:
        grid = _grid(table, console.width, spreads, num_shown)
        room = console.width - console.measure(grid, options=console.options.update(max_width=1000)).maximum
        if room >= (bar and GAP + bar):
            return _grid(table, console.width, spreads, num_shown, bar and min(room - GAP, MAX_BAR))
    return grid


def _grid(table: Table, width: int, spreads: bool, num_shown: int, bar_width: int = 0) -> Grid:
    grid = Grid(box=RULED, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False)
    shown = table.columns[:num_shown]
    top = "\n" * any("\n" in column.header for column in shown)
    grid.add_column(f"{top}entry", overflow="fold")
    cells = [[Text(_fold(row.name, max(MIN_NAME, width // 4)), _style(row)) for row in table.rows]]
    for index, column in enumerate(shown):
        header = column.header if "\n" in column.header else top + column.header
        grid.add_column(Text(header, justify=column.align), no_wrap=True)
        cells.append(_aligned(column, index, table.rows, spreads))
    if bar_width:
        grid.add_column()
        cells.append([_bar(row, bar_width) for row in table.rows])
    for row in zip(*cells, strict=True):
        grid.add_row(*row)
    return grid


def _aligned(column: Column[Any], index: int, rows: Sequence[Row], spreads: bool) -> list[Text]:
    """Align the numbers of a column by hand, since a spread after them must not move them."""
    cells = [row.cells[index] for row in rows]
    spread = max(len(cell.spread) for cell in cells) * spreads
    lengths = [len(cell.text) + spread * cell.text[:1].isdigit() for cell in cells]
    width = max(*lengths, *map(len, column.header.split("\n"))) - spread if column.align == "right" else 0
    return [
        Text.assemble(
            (cell.text.rjust(width), "bold green" if cell.best else ""),
            (cell.spread * spreads, "dim"),
            style=_style(row),
        )
        for row, cell in zip(rows, cells, strict=True)
    ]


def _style(row: Row) -> str:
    failed = any(cell.text == "failed" for cell in row.cells)
    return "red" if failed else "dim italic" if row.is_reference else ""


def _bar(row: Row, width: int) -> Text:
    eighths = round(row.bar * width * 8)
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]
    best = any(cell.best for cell in row.cells[:1])
    return Text(bar.rstrip(), "dim" if row.is_reference else "green" if best else "blue")


def _fold(name: str, width: int) -> str:
    """Break a long entry name after its colon and commas, and where that is not enough after `-.=`."""
    lines = [""]
    for option in re.findall("[^:,]*[:,]*", name) if len(name) > width else [name]:
        for piece in re.findall("[^-.=]*[-.=]*", option) if len(option) > width - 2 else [option]:
            if lines[-1] and len(lines[-1] + piece) > width:
                lines.append("  ")
            lines[-1] += piece
    return "\n".join(lines)


def _samples(result: Comparison, width: int) -> Iterator[RenderableType]:
    groups, made_up = sample_groups(result), made_up_words(result)
    if groups:
        yield from ("", _heading("Samples"))
    if groups and made_up:
        caption = "Made-up words, which neither the lexicon nor the training text has, are "
        yield Text.assemble(caption, ("underlined", MADE_UP), ".", style="dim italic")
    for group in groups:
        yield from ("", Text.assemble((group.prompt, "bold yellow"), (f"  {group.sampler}", "dim")))
        yield from _side_by_side(group, made_up, width)
    if made_up:
        yield from ("", _heading("Made-up words"))
        yield from (_note(Note(name, words[:NUM_WORDS])) for name, words in made_up.items())


def _side_by_side(group: SampleGroup, made_up: dict[str, list[str]], width: int) -> Iterator[RenderableType]:
    most = max(1, (width + GAP + 1) // (MIN_SAMPLE + GAP + 1))
    num_rows = -(-len(group.texts) // most)
    num_columns = -(-len(group.texts) // num_rows)
    column_width = (width - (GAP + 1) * (num_columns - 1)) // num_columns
    for start in range(0, len(group.texts), num_columns):
        grid = Grid(box=DIVIDED, show_edge=False, padding=(0, 1), pad_edge=False)
        texts = []
        for name, written in group.texts[start : start + num_columns]:
            grid.add_column(Text(_fold(name, column_width), "bold"), width=column_width, overflow="fold")
            texts.append(Text(written))
            words = "|".join(map(re.escape, made_up.get(name, ())))
            if words:
                texts[-1].highlight_regex(rf"(?i)(?<!\w)(?:{words})(?!\w)", MADE_UP)
        grid.add_row(*texts)
        yield from ("", grid)
