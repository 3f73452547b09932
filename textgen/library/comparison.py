"""Comparisons, under one budget or several, as tables and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import Contrast, difference
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.reports.answer import answer
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import run_values
from textgen.reports.html import to_notebook
from textgen.reports.ladder_report import ladder_answer, ladder_report, ladder_values
from textgen.results import comparison, ladder
from textgen.results.comparison import EntryScore, ReferenceScore
from textgen.results.judge import adjusted_contrasts, samples_of
from textgen.runtime.messages import UsageError, unknown
from textgen.training.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


class Comparison(comparison.Comparison):
    """Result of a comparison under one budget (entries × seeds); Jupyter displays its report."""

    def to_pandas(self) -> DataFrame:
        """Return a data frame with a row per entry and seed: scores, speed, size, metrics of the samples.

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
                for run, values in run_values(self)
            ]
        )

    def difference(self, a: str, b: str) -> Contrast:
        """Return by how many bits per character entry `b` is worse than entry `a`, with its 95 % interval.

        The p-value is adjusted for all pairs of entries (Holm 1979). Raises `TextgenError` for an entry
        without a rank.
        """
        samples = samples_of(self)
        pairs = adjusted_contrasts(samples)
        for name in (a, b):
            if name not in samples:
                raise TextgenError(unknown("ranked entry", name, samples))
        if a == b:
            raise UsageError(f"{a!r} is compared with itself; name two entries")
        if (a, b) in pairs:
            return pairs[a, b]
        return replace(difference(samples[b], samples[a]), p_value=pairs[b, a].p_value)

    def plot(self, kind: Literal["scores", "curves"] = "scores", *, axes: Axes | None = None) -> Axes:
        """Plot the scores with their intervals, or the learning curves (`kind`); return the axes.

        The plot is drawn on `axes` if given, otherwise in a new figure. Raises `TextgenError` if matplotlib
        is not installed.
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
    """Result of a comparison under several budgets (entries × seeds × budgets); Jupyter shows its report."""

    def to_pandas(self) -> DataFrame:
        """Return a data frame with a row per entry and budget: the score and the amount of training.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame(list(ladder_values(self)))

    def plot(self, kind: Literal["budget", "characters"] = "budget", *, axes: Axes | None = None) -> Axes:
        """Plot the scores of trained entries over the budget or the characters read; return the axes.

        `kind` selects the x axis. The plot is drawn on `axes` if given, otherwise in a new figure. Raises
        `TextgenError` if matplotlib is not installed.
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


def data_frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a pandas data frame; raises `TextgenError` if pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise TextgenError('to_pandas needs pandas; run: pip install "textgen-bench[notebook]"') from error
    return pandas.DataFrame(rows)


def new_axes() -> Axes:
    """Return the axes of a new figure, which a notebook displays.

    Raises `TextgenError` if matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise TextgenError('plot needs matplotlib; run: pip install "textgen-bench[notebook]"') from error
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def plot_scores(axes: Axes, scores: Sequence[EntryScore], references: Sequence[ReferenceScore]) -> None:
    """Plot the scores of entries and (in grey) references with their intervals, the best on top."""
    rows: list[EntryScore | ReferenceScore] = [*scores, *references]
    ranked = sorted(rows, key=lambda row: row.bits_per_char)
    for place, score in enumerate(ranked):
        value = score.bits_per_char
        low, high = score.interval or (value, value)
        ends = [[max(0.0, value - low)], [max(0.0, high - value)]]
        color = "C0" if isinstance(score, EntryScore) else "0.6"
        axes.errorbar(value, place, xerr=ends, fmt="o", capsize=3, color=color)
    labels = [row.label if isinstance(row, ReferenceScore) else row.name for row in ranked]
    axes.set_yticks(range(len(ranked)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("bits per character, with 95 % interval")


def plot_curves(axes: Axes, curves: Sequence[tuple[str, Sequence[Progress]]], *, by_time: bool) -> None:
    """Plot the validation scores of named runs over seconds or characters."""
    for name, curve in curves:
        points = [
            (point.seconds if by_time else point.num_chars, point.validation_bits_per_char)
            for point in curve
            if point.validation_bits_per_char is not None
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=name)
    _explain(
        axes, "seconds of training" if by_time else "characters of training", "validation bits per character"
    )


def plot_ladder(
    axes: Axes, lines: Sequence[tuple[str, Sequence[tuple[float, EntryScore]]]], label: str
) -> None:
    """Plot the scores of named entries with their intervals over amounts, on a logarithmic axis."""
    for name, points in lines:
        values = [score.bits_per_char for _, score in points]
        ends = [score.interval or (score.bits_per_char,) * 2 for _, score in points]
        lows = [max(0.0, value - low) for value, (low, _) in zip(values, ends, strict=True)]
        highs = [max(0.0, high - value) for value, (_, high) in zip(values, ends, strict=True)]
        amounts = [amount for amount, _ in points]
        axes.errorbar(amounts, values, yerr=[lows, highs], marker="o", capsize=3, label=name)
    axes.set_xscale("log")
    _explain(axes, label, "bits per character, with 95 % interval")


def _explain(axes: Axes, across: str, upwards: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(upwards)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
