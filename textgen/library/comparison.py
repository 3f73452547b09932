"""Comparisons, under one budget or several, as tables and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.library.notebook_views import data_frame, new_axes, plot_curves, plot_ladder, plot_scores
from textgen.reports.answer import answer
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import run_values
from textgen.reports.ladder_report import ladder_answer, ladder_report, ladder_values
from textgen.reports.notebook import to_notebook
from textgen.results import comparison, ladder
from textgen.runtime.messages import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


class Comparison(comparison.Comparison):
    """Entries × seeds on one corpus under one budget; Jupyter shows the report."""

    def to_pandas(self) -> DataFrame:
        """Return a row for each entry and seed: its scores, speed, size and the metrics of its samples.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame(
            [
                {
                    "entry": run.name,
                    "seed": run.seed,
                    "problem": run.error if isinstance(run, FailedEntry) else run.problem,
                    **values,
                    **(run.sample_metrics or {} if isinstance(run, EntryResult) else {}),
                }
                for run, values in run_values(self, "frame")
            ]
        )

    def plot(self, kind: Literal["scores", "curves"] = "scores", *, axes: Axes | None = None) -> Axes:
        """Draw the scores with their intervals, or the learning curves; return the axes.

        `kind` says which, and `axes` where, instead of in a new plot. Raises `TextgenError` if matplotlib is
        not installed.
        """
        if kind not in ("scores", "curves"):
            raise UsageError(f"kind must be scores or curves, not {kind!r}")
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.corpus.name}, {self.budget} of training")
        if kind == "scores":
            plot_scores(axes, self.scores, self.references)
            return axes
        runs = [entry for entry in self.entries if isinstance(entry, EntryResult) and entry.is_comparable]
        several = len({run.seed for run in runs}) > 1
        curves = [(f"{run.name}, seed {run.seed}" if several else run.name, run.train.curve) for run in runs]
        plot_curves(axes, curves, by_time=self.budget.is_timed)
        return axes

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(entry.name for entry in self.entries))
        return f"Comparison({names} on {self.corpus.name}, {self.budget} each: {answer(self)})"

    def _repr_html_(self) -> str:
        return to_notebook(bench_report(self))


class Ladder(ladder.Ladder):
    """Entries × seeds × budgets on one corpus; Jupyter shows the report."""

    def to_pandas(self) -> DataFrame:
        """Return a row for each entry and budget: its score, and how much was trained.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame(list(ladder_values(self)))

    def plot(self, kind: Literal["budget", "characters"] = "budget", *, axes: Axes | None = None) -> Axes:
        """Draw the scores of trained entries over the budget, or over the characters read; return the axes.

        `kind` says which, and `axes` where, instead of in a new plot. Raises `TextgenError` if matplotlib is
        not installed.
        """
        if kind not in ("budget", "characters"):
            raise UsageError(f"kind must be budget or characters, not {kind!r}")
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.corpus.name}, {', '.join(self.budgets)} of training")
        by_budget = kind == "budget"
        lines = [
            (
                name,
                [
                    (rung.budget.amount if by_budget else rung.num_chars, rung.score)
                    for rung in self.rungs
                    if rung.entry == name and rung.num_updates and rung.score
                ],
            )
            for name in self.entries
        ]
        label = "budget" if by_budget else "characters read in training"
        plot_ladder(axes, [(name, points) for name, points in lines if points], label)
        if by_budget:
            axes.set_xticks([each.amount for each in self.budgets], self.budgets)
            axes.minorticks_off()
        return axes

    def _repr_html_(self) -> str:
        return to_notebook(ladder_report(self))

    def __repr__(self) -> str:
        names, budgets = ", ".join(self.entries), ", ".join(self.budgets)
        return f"Ladder({names} on {self.corpus.name}, {budgets} each: {ladder_answer(self)})"
