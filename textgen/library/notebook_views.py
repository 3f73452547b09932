"""Results in notebooks: tables for pandas, and plots by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.results.comparison import EntryScore, ReferenceScore
from textgen.training.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


def data_frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a pandas data frame; raises `TextgenError` if pandas is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise TextgenError('to_pandas needs pandas; run: pip install "textgen-bench[notebook]"') from error
    return pandas.DataFrame(rows)


def new_axes() -> Axes:
    """Return the axes of a new plot, which a notebook shows.

    Raises `TextgenError` if matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise TextgenError('plot needs matplotlib; run: pip install "textgen-bench[notebook]"') from error
    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def plot_scores(axes: Axes, scores: Sequence[EntryScore], references: Sequence[ReferenceScore]) -> None:
    """Draw the scores of entries and, in grey, of references, with their intervals; the best is on top."""
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
    """Draw the validation scores of named runs over seconds, or over characters."""
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
    """Draw the scores of named entries with their intervals over amounts, on a logarithmic axis."""
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
