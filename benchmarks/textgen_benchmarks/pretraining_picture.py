"""Picture of what starting points are worth: `python -m textgen_benchmarks.pretraining_picture NAME…`.

Each NAME is results/NAME.json, of the suite `pretraining`; each has a panel with the scores of its cases over
the characters of the training text, both on logarithmic axes, with 95 % intervals. The plot is written to
results/pretraining.svg, or to `--out`; it needs matplotlib.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.saving import RESULTS
from textgen_suites.result import CaseResult, SuiteResult

COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2")  # Okabe and Ito's
TICKS = (1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 3.0, 3.5)


def main() -> None:
    """Draw the results that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--out", type=Path, default=RESULTS / "pretraining.svg")
    options = parser.parse_args()
    results = [read_record(SuiteResult, RESULTS / f"{name}.json") for name in options.names]
    write_picture(results, options.out)


def write_picture(results: Sequence[SuiteResult], path: Path) -> None:
    """Write the plot of several results; equal results give equal files."""
    with rc_context({"svg.hashsalt": "textgen", "font.size": 8}):
        draw_starts(results).savefig(path, metadata={"Date": None}, bbox_inches="tight")


def draw_starts(results: Sequence[SuiteResult]) -> Figure:
    """Return a plot with a panel for each result."""
    figure = Figure(figsize=(4.8 * len(results), 3.4), layout="constrained")
    for number, result in enumerate(results, start=1):
        axes = figure.add_subplot(1, len(results), number)
        num_chars = result.corpus.split.train.num_chars
        words = [
            case
            for question in result.questions
            if question.name.startswith("words")
            for case in question.cases
        ]
        for colour, label in zip(COLOURS, dict.fromkeys(case.label for case in words), strict=False):
            _draw(axes, [case for case in words if case.label == label], num_chars, colour)
        axes.set_title(result.corpus.name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator(TICKS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("characters of the training text")
        axes.set_ylabel("bits per character")
        axes.legend()
    return figure


def _draw(axes: Axes, cases: Sequence[CaseResult], num_chars: int, colour: str) -> None:
    """Draw the scores of one start, with whiskers."""
    known = [(num_chars * case.train_share / 100, case.bits_per_char) for case in cases if case.bits_per_char]
    axes.plot(
        [place for place, _ in known], [each.value for _, each in known], color=colour, label=cases[0].label
    )
    for place, each in known:
        if each.interval:
            axes.plot([place, place], each.interval, color=colour, linewidth=0.8)


if __name__ == "__main__":
    main()
