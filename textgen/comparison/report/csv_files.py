"""Scores and learning curves of a comparison as CSV, one line per run or point."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from textgen.comparison.comparison_result import Comparison
from textgen.experiment.entry_result import EntryResult


def scores_csv(result: Comparison) -> str:
    """Return the scores of all runs."""
    header = ["entry", "seed", "bits_per_char", "interval_low", "interval_high", "validation_bits_per_char"]
    header += ["num_parameters", "train_seconds", "train_chars_per_second", "real_word_rate", "error"]
    return _csv(header, (_score_line(result, row) for row in _runs(result)), _failures(result, len(header)))


def curves_csv(result: Comparison) -> str:
    """Return the validation scores during training of all runs."""
    header = ["entry", "seed", "seconds", "num_chars", "num_updates", "validation_bits_per_char"]
    return _csv(
        header,
        (
            [
                row.name,
                row.seed,
                point.seconds,
                point.num_chars,
                point.num_updates,
                point.validation_bits_per_char,
            ]
            for row in _runs(result)
            for point in row.train.curve
        ),
    )


def _score_line(result: Comparison, row: EntryResult) -> list[object]:
    score = row.score(result.scored_on)
    low, high = score.interval if score and score.interval else (None, None)
    return [
        row.name,
        row.seed,
        score.bits_per_char if score else None,
        low,
        high,
        row.validation.bits_per_char if row.validation and row.is_comparable else None,
        row.num_parameters,
        row.train.seconds,
        row.train.chars_per_second,
        row.sample_metrics.real_word_rate if row.sample_metrics else None,
        row.problem,
    ]


def _failures(result: Comparison, num_columns: int) -> Iterable[Sequence[object]]:
    for row in result.entries:
        if not isinstance(row, EntryResult):
            yield [row.name, row.seed, *[None] * (num_columns - 3), row.error]


def _runs(result: Comparison) -> Iterable[EntryResult]:
    return (row for row in result.entries if isinstance(row, EntryResult))


def _csv(header: Sequence[str], *groups: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for lines in groups:
        writer.writerows(lines)
    return text.getvalue()
