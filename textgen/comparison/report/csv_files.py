"""Scores and learning curves of a comparison as CSV, one line per run or point."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from textgen.comparison.comparison_result import Comparison, EntryScore, ReferenceScore
from textgen.comparison.report.columns import VIEWS, run_values
from textgen.experiment.entry_result import EntryResult, FailedEntry


def scores_csv(result: Comparison) -> str:
    """Return the scores of all runs, then of several seeds and of references; failed runs are last."""
    names = [column.name for column in VIEWS["csv"].columns()]
    runs: list[list[object]] = []
    failed: list[list[object]] = []
    for run, values in run_values(result, "csv"):
        lines = failed if isinstance(run, FailedEntry) else runs
        lines.append([run.name, run.seed, "entry", *map(values.get, names), _problem(run)])
    references = []
    means: list[tuple[str, str, EntryScore | ReferenceScore]]
    means = [(each.name, "mean", each) for each in result.scores if each.num_seeds > 1]
    for name, kind, each in (*means, *((each.label, "reference", each) for each in result.references)):
        low, high = each.interval or (None, None)
        measured = {"bits_per_char": each.bits_per_char, "interval_low": low, "interval_high": high}
        references.append([name, None, kind, *map(measured.get, names), None])
    return to_csv(["entry", "seed", "kind", *names, "error"], [*runs, *references, *failed])


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
