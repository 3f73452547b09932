"""Pictures of the report: scores, differences, learning curves, parts of the bits, diversity of samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from textgen.evaluation.text_metrics import TextMetrics
from textgen.page.charts import (
    ChartLine,
    ChartValue,
    entry_style,
    interval_cells,
    interval_chart,
    line_chart,
    stacked_chart,
)
from textgen.report.answer import classes
from textgen.report.page_tables import Styles
from textgen.report.rows import EntryRow
from textgen.report.samples import chance_entries
from textgen.results.comparison import Comparison

CATEGORIES = {
    "in_vocabulary_words": "known words",
    "oov_words": "OOV words",
    "punctuation": "punctuation",
    "white_space": "white space",
}


def entry_styles(rows: Sequence[EntryRow]) -> dict[str, str]:
    """Return the classes of the colour of each entry, by its place in the ranking."""
    return {row.name: entry_style(index) for index, row in enumerate(rows)}


def score_cells(result: Comparison, rows: Sequence[EntryRow], styles: Styles) -> tuple[Markup, list[Markup]]:
    """Return the axis and the cells of the scores of rows; neither references nor chance set the scale."""
    chance = chance_entries(result)
    values = [
        None
        if row.estimate is None
        else ChartValue(
            row.name,
            row.estimate.bits_per_char,
            row.estimate.interval,
            is_reference=row.is_reference,
            sets_scale=not row.is_reference and row.name not in chance,
            style=styles.get(row.name, ""),
        )
        for row in rows
    ]
    return interval_cells("bits per character, with 95 % intervals; left is better", values)


def difference_chart(result: Comparison, styles: Styles) -> Markup:
    """Return how much worse the other entries are than the best one; chance does not set the scale."""
    chance = chance_entries(result)
    rows = [
        ChartValue(
            each.b, each.bits_per_char, each.interval, sets_scale=each.b not in chance, style=styles[each.b]
        )
        for each in result.differences
    ]
    best = "the best of each class" if len(classes(result)) > 1 else result.scores[0].name if rows else ""
    title = f"Bits per character more than {best}, with 95 % intervals"
    return interval_chart(title, f"bits/char more than {best}", rows, zero=True)


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
        for index, row in enumerate(rows)
        if row.comparable and row.runs and row.runs[0].train.curve
        for run in row.runs
    ]


def category_chart(rows: Sequence[EntryRow], styles: Styles) -> Markup:
    """Return the bits per character that each entry spends on each kind of text."""
    stacks = {
        row.name: [fmean(getattr(score.by_kind, name) for score in row.scores) for name in CATEGORIES]
        for row in rows
        if row.scores
    }
    title = "Bits per character by kind of text"
    return stacked_chart(title, "bits/char", list(CATEGORIES.values()), stacks, styles)


def sampler_line(name: str, texts: Iterable[tuple[str, TextMetrics]], style: str = "") -> ChartLine | None:
    """Return real words against different bigrams, in percent, of labelled texts that one entry wrote."""
    points = [
        (100 * text.distinct_2, 100 * text.real_word_rate, label)
        for label, text in texts
        if text.distinct_2 is not None and text.real_word_rate is not None
    ]
    if not points:
        return None
    return ChartLine(name, [(x, y) for x, y, _ in points], [label for *_, label in points], style=style)


def diversity_chart(title: str, lines: Iterable[ChartLine | None], author: TextMetrics) -> Markup:
    """Return lines of real words against different bigrams, with the point of the held-out text."""
    author_line = sampler_line("held-out text", [("the author", author)], "author")
    drawn = [line for line in (*lines, author_line) if line]
    return line_chart(title, "different bigrams, %", "real words, %", drawn) if len(drawn) > 1 else Markup()
