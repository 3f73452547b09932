"""The charts of a comparison's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.rows import EntryRow
from textgen.evaluation.text_metrics import TextMetrics
from textgen.page.charts import ChartLine, ChartValue, Stack, interval_chart, line_chart, stacked_chart

CATEGORIES = {
    "in_vocabulary_words": "known words",
    "oov_words": "OOV words",
    "punctuation": "punctuation",
    "white_space": "white space",
}


def score_chart(result: Comparison) -> Markup:
    """Return the scores of entries and references with their intervals, the best first."""
    entries = [
        ChartValue(each.name, each.bits_per_char, each.interval, is_best=each.is_best)
        for each in result.scores
    ]
    references = [
        ChartValue(each.name, each.bits_per_char, each.interval, is_reference=True)
        for each in result.references
    ]
    rows = sorted([*entries, *references], key=lambda row: row.value)
    if not rows:
        return Markup()
    title = f"Bits per character on the {result.scored_on} text with 95 % intervals; lower is better"
    return interval_chart(title, "bits/char, lower is better", rows)


def difference_chart(result: Comparison) -> Markup:
    """Return how much worse the other entries are than the best one."""
    rows = [ChartValue(each.b, each.bits_per_char, each.interval) for each in result.differences]
    if not rows:
        return Markup()
    title = f"Bits per character more than {result.differences[0].a}, with 95 % intervals"
    return interval_chart(title, f"bits/char more than {result.differences[0].a}", rows, zero=True)


def curve_points(rows: Sequence[EntryRow]) -> list[dict[str, Any]]:
    """Return the learning curves of all runs that have one: amounts of training and validation scores."""
    return [
        {
            "name": f"{row.name} (seed {run.seed})" if len(row.runs) > 1 else row.name,
            "color": index,
            "points": [
                {
                    "seconds": round(point.seconds, 3),
                    "num_chars": point.num_chars,
                    "num_updates": point.num_updates,
                    "bits": round(point.validation_bits_per_char, 5),
                }
                for point in run.train.curve
                if point.validation_bits_per_char is not None
            ],
        }
        for index, row in enumerate(row for row in rows if row.comparable and row.runs[0].train.curve)
        for run in row.runs
    ]


def curve_chart(rows: Sequence[EntryRow]) -> Markup:
    """Return the learning curves over the seconds of training."""
    lines = [
        ChartLine(curve["name"], [(point["seconds"], point["bits"]) for point in curve["points"]])
        for curve in curve_points(rows)
    ]
    title = "Validation bits per character over the seconds of training"
    return line_chart(title, "seconds of training", "validation bits/char", lines)


def category_chart(rows: Sequence[EntryRow]) -> Markup:
    """Return the bits per character that each entry spends on each kind of text."""
    scored = [row for row in rows if row.scores]
    stacks = [
        Stack(
            row.name,
            [fmean(getattr(score.bits_by_category, name) for score in row.scores) for name in CATEGORIES],
        )
        for row in scored
    ]
    if not stacks:
        return Markup()
    return stacked_chart("Bits per character by kind of text", "bits/char", list(CATEGORIES.values()), stacks)


def sampler_line(name: str, texts: Iterable[tuple[str, TextMetrics]]) -> ChartLine | None:
    """Return real words against different bigrams, in percent, of labelled texts that one entry wrote."""
    points = [
        (100 * text.distinct_2, 100 * text.real_word_rate, label)
        for label, text in texts
        if text.distinct_2 is not None and text.real_word_rate is not None
    ]
    return (
        ChartLine(name, [(x, y) for x, y, _ in points], [label for *_, label in points]) if points else None
    )


def diversity_chart(title: str, lines: Iterable[ChartLine | None], author: TextMetrics) -> Markup:
    """Return lines of real words against different bigrams, with the point of the held-out text."""
    drawn = [line for line in (*lines, sampler_line("held-out text", [("the author", author)])) if line]
    return line_chart(title, "different bigrams, %", "real words, %", drawn) if len(drawn) > 1 else Markup()
