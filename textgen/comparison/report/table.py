"""A table of the report, independent of how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from textgen.comparison.report.columns import Cell, Column, EntryRow

NUM_WORDS = 12
"""Made-up or missing words that are shown of each entry."""


class Note(NamedTuple):
    """A line under a table: a label, and words that are set apart from each other."""

    label: str
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    cells: Sequence[Cell]
    is_reference: bool = False
    bar: float = 0.0
    """The length of the bar that a terminal draws, from 0 to 1."""


@dataclass(frozen=True)
class Table:
    """A table; its first column holds the names of the rows, the others are `columns`."""

    title: str
    caption: str
    columns: Sequence[Column[Any]]
    rows: Sequence[Row]
    notes: Sequence[Note] = ()


def make_table(title: str, caption: str, columns: Sequence[Column[Any]], rows: Sequence[EntryRow]) -> Table:
    """Return a table of the columns that any row has a value for."""
    columns = [column for column in columns if any(column.values(row) for row in rows)]
    by_row = zip(*(column.cells(rows) for column in columns), strict=True)
    cells = [Row(row.name, own, row.is_reference) for row, own in zip(rows, by_row, strict=False)]
    return Table(title, caption, columns, cells)
