"""A table of the report: columns, their cells and notes, independent of how they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from textgen.experiment.experiment import LOSES_TEXT
from textgen.report.rows import EntryRow

DASH = "\N{EN DASH}"
MAX_NOTED_WORDS = 12
"""Made-up or missing words that are shown of each entry."""

ColumnValue = TypeVar("ColumnValue")
Values = Callable[[EntryRow], Sequence[ColumnValue]]
"""The values of a row, one for each seed; numbers are averaged, of others the first is shown."""


class Cell(NamedTuple):
    """The text of one cell; `spread` is a 95 % interval, as ` (1.2–1.4)` or ` ± 0.01`, or empty."""

    text: str
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column(Generic[ColumnValue]):
    """One column of a table, and how its cells are made of a row."""

    name: str
    """Its name in `VIEWS`, and in CSV files and data frames."""
    header: str
    """With its unit; of two lines, and with soft hyphens where a narrow table may break it."""
    values: Values[ColumnValue]
    write: Callable[[ColumnValue], str] = str
    interval: Callable[[EntryRow], tuple[float, float] | None] = lambda row: None
    """The 95 % interval of the value, where it has one that is written after it."""
    is_best: Callable[[EntryRow], bool] = lambda row: False
    """True if the value is marked: it is clearly better than those of all others."""
    extra: bool = False
    """True if an 80-column terminal may leave this column out; such columns come last."""
    align: Literal["left", "right"] = "right"
    is_score: bool = False
    """True if a missing value is explained: the entry failed, or may not be compared."""

    @property
    def title(self) -> str:
        """The header in one line."""
        return self.lines().replace("/\n", "/").replace("\n", " ")

    def lines(self, *, hyphenated: bool = False) -> str:
        """Return the header in lines, broken within words or not."""
        return self.header.replace("\N{SOFT HYPHEN}", "-\n" if hyphenated else "")

    def cells(self, rows: Sequence[EntryRow]) -> list[Cell]:
        """Return the cell of each row: the mean over its seeds, marked if it is clearly the best."""
        return [
            Cell(self._missing(row))
            if (average := self._average(row)) is None
            else Cell(self.write(average), self._spread(row), self.is_best(row))
            for row in rows
        ]

    def _average(self, row: EntryRow) -> Any:
        """Return the mean of numbers, otherwise the first value; None without any."""
        values: Sequence[Any] = self.values(row)
        is_number = values and isinstance(values[0], int | float) and not isinstance(values[0], bool)
        return fmean(values) if is_number else values[0] if values else None

    def _missing(self, row: EntryRow) -> str:
        if not self.is_score or row.is_reference or (row.runs and row.comparable):
            return "" if row.is_reference else DASH
        if not row.runs:
            return "failed"
        return "not comparable" if row.problem == LOSES_TEXT else "no rank"

    def _spread(self, row: EntryRow) -> str:
        interval = self.interval(row)
        write: Callable[[Any], str] = self.write
        return "" if interval is None else f" ({DASH.join(map(write, interval))})"


class Note(NamedTuple):
    """A line under a table: a label, and words that are set apart from each other."""

    label: str
    words: Sequence[str] = ()


@dataclass(frozen=True)
class TableRow:
    """One row of a table."""

    name: str
    cells: Sequence[Cell]
    is_reference: bool = False
    bar: float = 0.0
    """The length of the bar that a terminal draws, from 0 to 1."""


@dataclass(frozen=True)
class ReportTable:
    """A table; its first column holds the names of the rows, the others are `columns`."""

    title: str
    caption: str
    columns: Sequence[Column[Any]]
    rows: Sequence[TableRow]
    notes: Sequence[Note] = ()


def make_table(
    title: str,
    caption: str,
    columns: Sequence[Column[Any]],
    rows: Sequence[EntryRow],
    notes: Sequence[Note] = (),
) -> ReportTable:
    """Return a table of the columns that any row has a value for."""
    columns = [column for column in columns if any(column.values(row) for row in rows)]
    by_row = zip(*(column.cells(rows) for column in columns), strict=True)
    cells = [TableRow(row.name, each, row.is_reference) for row, each in zip(rows, by_row, strict=False)]
    return ReportTable(title, caption, columns, cells, notes)
