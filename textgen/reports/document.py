"""A report as data: what is said of a result, in sections and blocks, whatever medium draws it.

A builder makes the `Report` of one kind of result and knows no medium; a renderer draws any report in one
medium and knows no kind of result. Empty blocks, and sections without blocks, are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, NamedTuple

from textgen.page.charts import Drawing, IntervalChart

DASH = "\N{EN DASH}"

View = Literal["brief", "full"]
"""What a terminal shows first, and the whole report, as text or as a page for the browser."""
EVERYWHERE = frozenset[View](("brief", "full"))
BRIEF = frozenset[View](("brief",))
FULL = frozenset[View](("full",))


class Note(NamedTuple):
    """A line: a label, and words that are set apart from each other."""

    label: str
    words: Sequence[str] = ()


class Cell(NamedTuple):
    """The text of one cell; `spread` is a 95 % interval, as ` (1.2–1.4)` or ` ± 0.01`, or empty."""

    text: str
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """The header of a column."""

    name: str
    """Its name, which no other column of a report has unless it means the same."""
    header: str
    """With its unit; of one line or two."""
    align: Literal["left", "right"] = "right"
    extra: bool = False
    """True if an 80-column terminal may leave this column out; such columns come last."""
    hint: str = ""
    """What it means, where that needs to be said."""

    @property
    def title(self) -> str:
        """The header in one line."""
        return self.header.replace("/\n", "/").replace("\n", " ")


@dataclass(frozen=True)
class TableRow:
    """One row of a table."""

    name: str
    cells: Sequence[Cell]
    is_reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a section, and the views that have it."""

    content: ClassVar[str] = ""
    """The field without which there is nothing to show."""
    views: frozenset[View] = EVERYWHERE

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to show."""
        return bool(self.content) and not getattr(self, self.content)

    def as_text(self) -> Block | None:
        """Return what text has of it; None if only a page can show it."""
        return self


@dataclass(frozen=True)
class Lines(Block):
    """Lines of text, as paragraphs or as a list."""

    content = "notes"
    notes: Sequence[Note]
    is_list: bool = False
    is_aside: bool = False
    """True for what is less important than the rest."""


def lines(texts: Iterable[str], *, is_list: bool = False, is_aside: bool = False) -> Lines:
    """Return texts as lines, without empty ones."""
    return Lines([Note(text) for text in texts if text], is_list=is_list, is_aside=is_aside)


@dataclass(frozen=True)
class Code(Block):
    """Text to be copied, in a line of its own."""

    content = "text"
    text: str


@dataclass(frozen=True)
class Table(Block):
    """A table; its first column holds the names of the rows, the others are `columns`."""

    content = "rows"
    title: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[TableRow]
    notes: Sequence[Note] = ()
    names: str = "entry"
    """The header of the first column."""
    picture: IntervalChart | None = None
    """What a page draws of each row, in a column before the others."""
    keeps_columns: bool = False
    """True if no column is left out where there is no room: cells are folded, or a page is scrolled."""


def text_table(
    title: str,
    header: Sequence[str],
    rows: Iterable[TableRow | Sequence[str | Cell]],
    *,
    lefts: Collection[int] = (),
    caption: str = "",
    keeps_columns: bool = True,
    **more: Any,
) -> Table:
    """Return a table of texts; the columns of the indices in `lefts` are aligned to the left."""
    columns = [
        Column(text, text, "left" if place in lefts else "right") for place, text in enumerate(header[1:], 1)
    ]
    made = [row if isinstance(row, TableRow) else _row_of(*row) for row in rows]
    more |= {"names": header[0], "keeps_columns": keeps_columns}
    return Table(title, caption, columns, made, **more)


def _row_of(name: str | Cell, *cells: str | Cell) -> TableRow:
    return TableRow(str(name), [each if isinstance(each, Cell) else Cell(each) for each in cells])


@dataclass(frozen=True)
class Chart(Block):
    """A chart, which only a page draws."""

    content = "drawing"
    drawing: Drawing

    def as_text(self) -> None:
        """Return None."""


class SampleGroup(NamedTuple):
    """Texts that were written after one prompt: pairs of a writer's name and its text."""

    prompt: str
    sampler: str
    texts: list[tuple[str, str]]


@dataclass(frozen=True)
class Samples(Block):
    """Texts after the same prompts, side by side."""

    content = "groups"
    groups: Sequence[SampleGroup]
    made_up: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By writer: words that `known` lacks."""
    known: str = ""
    chance: frozenset[str] = frozenset()
    """Writers whose texts a page folds up, since they have learnt nothing."""
    min_verbatim: int = 0
    """Characters from which on a span counts as copied."""
    errors: Sequence[str] = ()


@dataclass(frozen=True)
class Template(Block):
    """A part of a page with a template of its own, often interactive; blocks among its values are drawn."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    text: Block | None = None
    """What text has instead."""

    def as_text(self) -> Block | None:
        """Return what text has instead."""
        return self.text


@dataclass(frozen=True)
class Section:
    """A part of a report; `#id` leads to it on a page, where it needs a title."""

    id: str
    title: str
    blocks: Sequence[Block]
    views: frozenset[View] = EVERYWHERE

    def needs_heading(self) -> bool:
        """Return whether text has its title; a table that comes first may have one itself."""
        first = self.blocks[0]
        return bool(self.title) and not (isinstance(first, Table) and first.title)


@dataclass(frozen=True)
class CsvFile:
    """Numbers to download."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]

    def text(self) -> str:
        """Return the header and the rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue()


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is said of a result."""

    kind: str
    """The name of the result among the data of its page."""
    result: Any
    title: str
    answer: str
    advice: str = ""
    """What to try next, in the last line of a terminal."""
    cautions: Sequence[str] = ()
    """What to know before the answer is believed."""
    context: str = ""
    """What was measured, on what and with what."""
    definition: str = ""
    """What the numbers of the answer mean."""
    sections: Sequence[Section]
    command: str | None = None
    """The command that made the result."""
    made: Sequence[str] = ()
    """What else there is to say of how it was made."""
    files: Sequence[CsvFile] = ()
    """Numbers that a page has to download."""
    styles: Mapping[str, str] = field(default_factory=dict)
    """By the names of rows and writers: the classes of their colours on a page."""
    scripts: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the scripts of a page read besides the result."""

    def shown(self, view: View = "full", *, is_page: bool = False) -> Iterator[Section]:
        """Yield the sections of a view that have something to show, with that; text lacks charts."""
        for section in self.sections:
            if view in section.views:
                chosen = [block for block in section.blocks if view in block.views]
                drawn = chosen if is_page else [block.as_text() for block in chosen]
                blocks = [block for block in drawn if block and not block.is_empty]
                if blocks:
                    yield replace(section, blocks=blocks)
