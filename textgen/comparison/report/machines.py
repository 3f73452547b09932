"""The machines that runs were made on, where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import is_timed
from textgen.comparison.report.columns import Column, EntryRow
from textgen.comparison.report.table import Note


def machine_columns(rows: Sequence[EntryRow]) -> list[Column[Any]]:
    """Return a column with the letters of machines; none if all runs were made on one kind."""
    letters = _letters(rows)

    def used(row: EntryRow) -> list[str]:
        return ["".join(sorted({letters[run.machine.description] for run in row.runs}))]

    return [Column("ma-\nchine", used)] if len(letters) > 1 else []


def machine_notes(rows: Sequence[EntryRow]) -> list[Note]:
    """Return what the letters mean."""
    letters = _letters(rows)
    return [Note(f"machine {letter}: {name}") for name, letter in letters.items() if len(letters) > 1]


def unequal_notes(result: Comparison, rows: Sequence[EntryRow]) -> list[Note]:
    """Return a warning if machines differ and the budget is in time."""
    if not is_timed(result) or len(_letters(rows)) < 2:
        return []
    remark = "runs had different machines or threads, so the same time allowed some of them more training"
    return [Note(f"{remark}; a budget in characters does not depend on the machine")]


def _letters(rows: Sequence[EntryRow]) -> Mapping[str, str]:
    names = dict.fromkeys(run.machine.description for row in rows for run in row.runs)
    return {name: ascii_uppercase[number % 26] for number, name in enumerate(names)}
