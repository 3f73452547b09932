"""Plot of effects in suites: `python -m textgen_benchmarks.figures improvements-wiki improvements-austen`.

Each NAME is results/NAME.json; the effects of the same change on several texts are next to each other, with
95 % intervals. The plot is written to results/effects.svg, or to `--out`; it needs matplotlib.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from textgen.runtime.storage.json_records import read_record
from textgen_suites.result import QuestionResult, SuiteResult

RESULTS = Path(__file__).parents[1] / "results"
WIDEST = 0.6
"""Limit of the axis in bits per character: larger effects are arrows at the edge, intervals are cut."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito's, safe for colour-blind readers


def main() -> None:
    """Draw the results that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--out", type=Path, default=RESULTS / "effects.svg")
    options = parser.parse_args()
    results = [read_record(SuiteResult, RESULTS / f"{name}.json") for name in options.names]
    write_picture(results, options.out)


def write_picture(results: Sequence[SuiteResult], path: Path) -> None:
    """Write the plot of several results of one suite; equal results give equal files."""
    with rc_context({"svg.hashsalt": "textgen", "svg.fonttype": "none", "font.size": 8}):
        draw_effects(results).savefig(path, metadata={"Date": None}, bbox_inches="tight")


def draw_effects(results: Sequence[SuiteResult]) -> Figure:
    """Return a plot of all effects in several results of one suite, one row per change."""
    questions = [question for question in results[0].questions if question.effects]
    num_rows = sum(len(question.effects) for question in questions) + len(questions)
    figure = Figure(figsize=(8, 0.21 * num_rows + 1))
    axes = figure.add_subplot()
    axes.axvline(0, color="0.6", linewidth=0.8)
    places = _label(axes, questions)
    for number, result in enumerate(results):
        shift = 0.25 * (number - (len(results) - 1) / 2)
        shifted = {key: place + shift for key, place in places.items()}
        _draw(axes, result, shifted, COLOURS[number % len(COLOURS)])
    axes.set_xlim(-WIDEST, WIDEST)
    axes.set_xlabel("change in bits per character; left is better")
    axes.legend(loc="lower right")
    return figure


def _label(axes: Axes, questions: Sequence[QuestionResult]) -> dict[tuple[str, str], float]:
    """Label the rows and their groups; return the position of each row, by question and case."""
    places: dict[tuple[str, str], float] = {}
    labels: dict[float, str] = {}
    place = 1.0
    for question in questions:
        title = f" {question.name}, against {question.reference}"
        axes.text(-WIDEST, place, title, va="center", weight="bold")
        for effect in question.effects:
            place += 1
            places[question.name, effect.case] = place
            labels[place] = effect.case
        place += 1
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set_ylim(place, 0)
    return places


def _draw(axes: Axes, result: SuiteResult, places: Mapping[tuple[str, str], float], colour: str) -> None:
    label = f"{result.corpus.name}, {result.budget}"
    for question in result.questions:
        for effect in question.effects:
            change, place = effect.bits_per_char, places.get((question.name, effect.case))
            if change is None or change.interval is None or place is None:
                continue
            value, (low, high) = change.value, change.interval
            if abs(value) > WIDEST:
                edge = WIDEST * (1 if value > 0 else -1)
                axes.plot(edge, place, ">" if value > 0 else "<", color=colour, markersize=5, clip_on=False)
                continue
            axes.plot([low, high], [place, place], color=colour, linewidth=1.2)
            axes.plot(value, place, "o", color=colour, markersize=3.5, label=label)
            label = "_"  # once in the legend


if __name__ == "__main__":
    main()
