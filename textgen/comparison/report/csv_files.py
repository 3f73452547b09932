"""Scores and learning curves of a comparison as CSV, one line per run or point."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from textgen.comparison.comparison_result import Comparison, EntryScore, ReferenceScore
from textgen.comparison.report.columns import VIEWS, run_values
from textgen.experiment.entry_result import EntryResult, FailedEntry


def scores_csv(result: Comparison) -> str:
    """Return the scores of all runs, those that failed last; then those over several seeds, and references.

    These have no seed.
    """
    names = [column.name for column in VIEWS["csv"].columns()]
    runs = sorted(run_values(result, "csv"), key=lambda line: isinstance(line[0], FailedEntry))
    lines = [[run.name, run.seed, *map(values.get, names), _problem(run)] for run, values in runs]
    whole: list[EntryScore | ReferenceScore] = [each for each in result.scores if each.num_seeds > 1]
    for each in (*whole, *result.references):
        ends = dict(zip(("interval_low", "interval_high"), each.interval or (), strict=False))
        values = {"bits_per_char": each.bits_per_char, **ends}
        lines.append([each.name, None, *map(values.get, names), None])
    return to_csv(["entry", "seed", *names, "error"], lines)


def curves_csv(result: Comparison) -> str:
    """Return the validation scores during training of all runs."""
    measured = ["seconds", "num_chars", "num_updates", "validation_bits_per_char"]
    return to_csv(
        ["entry", "seed", *measured],
        (
            [run.name, run.seed, *(getattr(point, name) for name in measured)]
            for run in result.runs
            for point in run.train.curve
        ),
    )


def _problem(run: EntryResult | FailedEntry) -> str | None:
    return run.error if isinstance(run, FailedEntry) else run.problem


def to_csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a header and lines as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()
