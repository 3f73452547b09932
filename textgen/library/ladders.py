"""Ladders: a comparison under several budgets, as tables and plots."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

from textgen.comparison import ladder_result as results
from textgen.comparison.report.ladder_answer import ladder_answer
from textgen.comparison.report.ladder_tables import ladder_values
from textgen.library.tables import data_frame

if TYPE_CHECKING:
    from pandas import DataFrame


class Ladder(results.Ladder):
    """Entries × seeds × budgets on one corpus; Jupyter shows the report."""

    @classmethod
    def of(cls, result: results.Ladder) -> Ladder:
        """Return a result with the tables and plots of this class."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(result)})

    def to_pandas(self) -> DataFrame:
        """Return a row for each entry and budget: its score, and how much was trained.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame(list(ladder_values(self)))

    def __repr__(self) -> str:
        names, budgets = ", ".join(self.entries), ", ".join(self.budgets)
        return f"Ladder({names} on {self.corpus.name}, {budgets} each: {ladder_answer(self)})"
