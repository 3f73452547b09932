"""Ladders: a comparison under several budgets, as tables and plots."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

from textgen.library.plots import new_axes, plot_ladder
from textgen.library.tables import data_frame
from textgen.reports.ladder_report import ladder_answer, ladder_report, ladder_values
from textgen.reports.notebook import to_notebook
from textgen.results import ladder as results
from textgen.runtime.messages import UsageError
from textgen.training.budget import parse_budget

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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

    def plot(self, kind: Literal["budget", "characters"] = "budget", *, axes: Axes | None = None) -> Axes:
        """Draw the scores of trained entries over the budget, or over the characters read; return the axes.

        Raises `TextgenError` if matplotlib is not installed.
        """
        if kind not in ("budget", "characters"):
            raise UsageError(f"kind must be budget or characters, not {kind!r}")
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.corpus.name}, {', '.join(self.budgets)} of training")
        amounts = {budget: parse_budget(budget).amount for budget in self.budgets}
        by_budget = kind == "budget"
        lines = [
            (
                name,
                [
                    (amounts[rung.budget] if by_budget else rung.num_chars, rung.score)
                    for rung in self.rungs
                    if rung.entry == name and rung.num_updates and rung.score
                ],
            )
            for name in self.entries
        ]
        label = "budget" if by_budget else "characters read in training"
        plot_ladder(axes, [(name, points) for name, points in lines if points], label)
        if by_budget:
            axes.set_xticks(list(amounts.values()), list(amounts))
            axes.minorticks_off()
        return axes

    def _repr_html_(self) -> str:
        return to_notebook(ladder_report(self))

    def __repr__(self) -> str:
        names, budgets = ", ".join(self.entries), ", ".join(self.budgets)
        return f"Ladder({names} on {self.corpus.name}, {budgets} each: {ladder_answer(self)})"
