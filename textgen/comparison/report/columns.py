"""Rows and columns of report tables: the value of each cell, its format, and which is best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from textgen.comparison.comparison_result import Comparison, EntryScore, MetricEstimate, ReferenceScore
from textgen.evaluation.scoring import Score
from textgen.evaluation.text_metrics import TextMetrics
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.experiment import LOSES_TEXT

DASH = "\N{EN DASH}"

Value = TypeVar("Value")


class Cell(NamedTuple):
    """The text of one cell; `spread` is half of a 95 % interval, as ` ± 0.01`, or empty."""

    text: str
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class EntryRow:
    """The subject of a row: the runs of an entry that did not fail, one per seed, or a reference."""

    name: str
    runs: Sequence[EntryResult] = ()
    failures: Sequence[str] = ()
    comparable: bool = True
    part: str = "test"
    """The part of the split whose score counts."""
    estimate: EntryScore | ReferenceScore | None = None
    """The score over all seeds, or of a reference, with its interval."""
    metrics: Mapping[str, MetricEstimate] = field(default_factory=dict)
    """The metrics of text that have an interval, by their names."""
    reference_metrics: TextMetrics | None = None
    """Metrics of the held-out text, for the row that it has."""

    @property
    def is_reference(self) -> bool:
        """Whether the row is not an entry."""
        return isinstance(self.estimate, ReferenceScore) or self.reference_metrics is not None

    @property
    def problem(self) -> str | None:
        """Why the row has no rank."""
        return next((run.problem for run in self.runs if run.problem is not None), None)

    @property
    def scores(self) -> list[Score]:
        """The scores of the runs that may be compared."""
        return [score for run in self.runs if (score := run.score(self.part)) is not None]

    @property
    def bits_per_char(self) -> list[float]:
        """The score of each run, or that of a reference."""
        if isinstance(self.estimate, ReferenceScore):
            return [self.estimate.bits_per_char]
        return [score.bits_per_char for score in self.scores]

    @property
    def sample_metrics(self) -> list[TextMetrics]:
        """The metrics of what each run wrote, or those of the held-out text."""
        if self.reference_metrics is not None:
            return [self.reference_metrics]
        return [run.sample_metrics for run in self.runs if run.sample_metrics is not None]


@dataclass(frozen=True)
class Column(Generic[Value]):
    """One column of a table, and how its cells are made of a row."""

    header: str
    values: Callable[[EntryRow], Sequence[Value]]
    """The values of a row, one for each seed; numbers are averaged, of others the first is shown."""
    write: Callable[[Value], str] = str
    spread: Callable[[EntryRow], float | None] = lambda row: None
    """Half of the width of the value's 95 % interval, where it has one."""
    is_best: Callable[[EntryRow], bool] = lambda row: False
    """Whether the value is marked: it is clearly better than those of all others."""
    extra: bool = False
    """Whether an 80-column terminal may leave this column out; such columns come last."""
    align: Literal["left", "right"] = "right"
    is_score: bool = False
    """Whether a missing value is explained: the entry failed, or may not be compared."""

    def average(self, row: EntryRow) -> Any:
        """Return the mean of numbers, otherwise the first value; None without any."""
        values: Sequence[Any] = self.values(row)
        is_number = values and isinstance(values[0], int | float) and not isinstance(values[0], bool)
        return fmean(values) if is_number else values[0] if values else None

    def cells(self, rows: Sequence[EntryRow]) -> list[Cell]:
        """Return the cell of each row: the mean over its seeds, marked if it is clearly the best."""
        return [
            Cell(self._missing(row))
            if (average := self.average(row)) is None
            else Cell(self.write(average), self._spread(row), self.is_best(row))
            for row in rows
        ]

    def _missing(self, row: EntryRow) -> str:
        if not self.is_score or row.is_reference or (row.runs and row.comparable):
            return "" if row.is_reference else DASH
        if not row.runs:
            return "failed"
        return "not comparable" if row.problem == LOSES_TEXT else "no rank"

    def _spread(self, row: EntryRow) -> str:
        half = self.spread(row)
        write: Callable[[Any], str] = self.write
        return "" if half is None else f" ± {write(half)}"


def of_runs(value: Callable[[EntryResult], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of a row's runs, where it has one."""
    return lambda row: [found for run in row.runs if (found := value(run)) is not None]


def of_scores(value: Callable[[Score], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of a row's scores, where it has one."""
    return lambda row: [found for score in row.scores if (found := value(score)) is not None]


def of_metrics(value: Callable[[TextMetrics], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of the metrics of what a row wrote, where it has one."""
    return lambda row: [found for metrics in row.sample_metrics if (found := value(metrics)) is not None]


def metric_column(
    header: str, metric: str, write: Callable[[float], str], *, extra: bool = False
) -> Column[float]:
    """Return the column of a metric of generated text, with its intervals."""

    def spread(row: EntryRow) -> float | None:
        interval = row.metrics[metric].interval if metric in row.metrics else None
        return None if interval is None else (interval[1] - interval[0]) / 2

    def is_best(row: EntryRow) -> bool:
        return metric in row.metrics and row.metrics[metric].is_best

    values = of_metrics(lambda metrics: getattr(metrics, metric))
    return Column(header, values, write, spread, is_best, extra)


def entry_rows(result: Comparison) -> list[EntryRow]:
    """Return the entries, best first, then those that cannot be compared, then those that failed."""
    estimates = {score.name: score for score in result.scores}
    rows = []
    for name in dict.fromkeys(entry.name for entry in result.entries):
        own = [entry for entry in result.entries if entry.name == name]
        runs = [entry for entry in own if isinstance(entry, EntryResult)]
        failures = [
            f"{name} failed{f' with seed {entry.seed}' if runs else ''}: {entry.error}"
            for entry in own
            if not isinstance(entry, EntryResult)
        ]
        comparable = all(run.is_comparable for run in runs)
        metrics = {each.metric: each for each in result.metrics if each.name == name}
        estimate = estimates.get(name)
        rows.append(EntryRow(name, runs, failures, comparable, result.scored_on, estimate, metrics))
    return sorted(rows, key=rank)


def rank(row: EntryRow) -> tuple[bool, float]:
    """Return the sort key that puts the best score first, and what failed last."""
    failed = not row.runs and not row.is_reference
    return failed, fmean(row.bits_per_char) if row.bits_per_char and row.comparable else math.inf
