"""Rows and columns of report tables: the value of each cell, its format, and which is best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from textgen.comparison.results import Comparison, EntryScore
from textgen.evaluation.scoring import Score
from textgen.evaluation.text_metrics import TextMetrics
from textgen.experiment.results import EntryResult

DASH = "\N{EN DASH}"

Value = TypeVar("Value")


class Cell(NamedTuple):
    """The text of one cell; `spread` is the standard deviation over seeds, as ` ± 0.01`, or empty."""

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
    estimate: EntryScore | None = None
    """The score over all seeds, with its interval."""
    reference_score: float | None = None
    """Bits per character of a reference."""
    reference_metrics: TextMetrics | None = None
    """Metrics of the held-out text, for the row that it has."""

    @property
    def is_reference(self) -> bool:
        """Whether the row is not an entry."""
        return self.reference_score is not None or self.reference_metrics is not None

    @property
    def scores(self) -> list[Score]:
        """The scores of the runs that may be compared."""
        return [score for run in self.runs if (score := run.score(self.part)) is not None]

    @property
    def bits_per_char(self) -> list[float]:
        """The score of each run, or that of a reference."""
        if self.reference_score is not None:
            return [self.reference_score]
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
    better: Literal["", "lower", "higher", "closest"] = ""
    """Which value is best; `closest` is to the reference row."""
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
        """Return the cell of each row: the mean over its seeds, the best one marked."""
        averages = [self.average(row) for row in rows]
        best = self._best(rows, averages)
        return [
            Cell(self._missing(row))
            if average is None
            else Cell(self.write(average), self._spread(row), average == best and not row.is_reference)
            for row, average in zip(rows, averages, strict=True)
        ]

    def _missing(self, row: EntryRow) -> str:
        if self.is_score and not row.is_reference and not (row.runs and row.comparable):
            return "not comparable" if row.runs else "failed"
        return "" if row.is_reference else DASH

    def _spread(self, row: EntryRow) -> str:
        """Return the standard deviation over seeds; speeds have none, since they vary with the machine."""
        values: Sequence[Any] = self.values(row)
        varies = self.better in ("lower", "closest") and len(values) > 1 and all(map(math.isfinite, values))
        return f" ± {self.write(stdev(values))}" if varies else ""

    def _best(self, rows: Sequence[EntryRow], averages: Sequence[Any]) -> Any:
        pairs = [pair for pair in zip(rows, averages, strict=True) if self.better and pair[1] is not None]
        own = [average for row, average in pairs if not row.is_reference]
        targets = [average for row, average in pairs if row.is_reference]
        if len(set(own)) < 2:
            return None
        if self.better == "closest":
            return min(own, key=lambda value: abs(value - targets[0])) if targets else None
        return min(own) if self.better == "lower" else max(own)


def of_runs(value: Callable[[EntryResult], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of a row's runs, where it has one."""
    return lambda row: [found for run in row.runs if (found := value(run)) is not None]


def of_scores(value: Callable[[Score], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of a row's scores, where it has one."""
    return lambda row: [found for score in row.scores if (found := value(score)) is not None]


def of_metrics(value: Callable[[TextMetrics], Value | None]) -> Callable[[EntryRow], Sequence[Value]]:
    """Return the values that a function has of the metrics of what a row wrote, where it has one."""
    return lambda row: [found for metrics in row.sample_metrics if (found := value(metrics)) is not None]


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
        comparable = all(run.comparable for run in runs)
        rows.append(
            EntryRow(name, runs, failures, comparable, part=result.scored_on, estimate=estimates.get(name))
        )
    return sorted(rows, key=rank)


def rank(row: EntryRow) -> tuple[bool, float]:
    """Return the sort key that puts the best score first, and what failed last."""
    failed = not row.runs and not row.is_reference
    return failed, fmean(row.bits_per_char) if row.bits_per_char and row.comparable else math.inf
