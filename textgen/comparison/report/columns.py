"""What a table cell says: where its value stands in the result, how it is written, what is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

SCORE = "score.bits_per_char"
DASH = "\N{EN DASH}"


class Cell(NamedTuple):
    """The text of one cell; `spread` is the standard deviation over seeds, as ` ± 0.01`, or empty."""

    text: str
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class Entry:
    """What one row is about: the runs of an entry that did not fail, one per seed, or a reference."""

    name: str
    runs: Sequence[Mapping[str, Any]]
    failures: Sequence[str] = ()
    comparable: bool = True
    is_reference: bool = False

    def values(self, path: str) -> list[Any]:
        """Return what the runs have at a dotted path, as `train.curve.0.seconds`; nulls are left out."""
        return [value for run in self.runs if (value := _lookup(run, path)) is not None]

    def average(self, path: str) -> Any:
        """Return the mean of numbers, the means of intervals, or else the first value; None of nothing."""
        values = self.values(path)
        first = values[0] if values else None
        if isinstance(first, int | float):
            return fmean(values)
        if isinstance(first, list) and first and isinstance(first[0], int | float):
            return [fmean(ends) for ends in zip(*values, strict=True)]
        return first

    def missing(self, path: str) -> str:
        """Return what to show where there is no value."""
        if path == SCORE and not self.runs:
            return "failed"
        return (
            "not comparable" if path == SCORE and not self.comparable else "" if self.is_reference else DASH
        )


@dataclass(frozen=True)
class Measure:
    """One column of a table, and how its cells are made of an entry's runs."""

    header: str
    path: str
    write: Callable[[Any], str] = str
    better: Literal["", "lower", "higher", "closest"] = ""
    """What the best cell is; `closest` is to the reference row."""
    extra: bool = False
    """Whether an 80-column terminal may leave this column out; such columns come last."""
    align: Literal["left", "right"] = "right"

    def cells(self, entries: Sequence[Entry]) -> list[Cell]:
        """Return the cell of each entry: the mean over its seeds, the best one marked."""
        averages = [entry.average(self.path) for entry in entries]
        best = self._best(entries, averages)
        return [
            Cell(entry.missing(self.path))
            if average is None
            else Cell(self.write(average), self._spread(entry), average == best and not entry.is_reference)
            for entry, average in zip(entries, averages, strict=True)
        ]

    def _spread(self, entry: Entry) -> str:
        """Speeds have none: they vary with the machine, not with the seed."""
        values = entry.values(self.path)
        varies = self.better in ("lower", "closest") and len(values) > 1 and all(map(math.isfinite, values))
        return f" ± {self.write(stdev(values))}" if varies else ""

    def _best(self, entries: Sequence[Entry], averages: Sequence[Any]) -> Any:
        pairs = [pair for pair in zip(entries, averages, strict=True) if self.better and pair[1] is not None]
        own = [average for entry, average in pairs if not entry.is_reference]
        targets = [average for entry, average in pairs if entry.is_reference]
        if len(set(own)) < 2:
            return None
        if self.better == "closest":
            return min(own, key=lambda value: abs(value - targets[0])) if targets else None
        return min(own) if self.better == "lower" else max(own)


def read_entries(result: Mapping[str, Any]) -> list[Entry]:
    """Return the entries, best first, then what cannot be compared, then what failed.

    The score of each run, on test or validation, stands under `score`, if it may be compared.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for run in result.get("entries") or ():
        by_name.setdefault(run["name"], []).append(run)
    entries = []
    for name, runs in by_name.items():
        good = [
            {**run, "score": run.get(result.get("scored_on") or "test")}
            for run in runs
            if not run.get("error")
        ]
        comparable = all(run.get("comparable", True) for run in runs)
        if not comparable:
            good = [{**run, "score": None, "validation": None} for run in good]
        failures = [
            f"{name} failed" + f" with seed {run.get('seed')}" * bool(good) + f": {run['error']}"
            for run in runs
            if run.get("error")
        ]
        entries.append(Entry(name, good, failures, comparable))
    return sorted(entries, key=rank)


def rank(entry: Entry) -> tuple[bool, float]:
    """Return the sort key that puts the best score first, and what failed last."""
    score = entry.average(SCORE)
    return not entry.runs, math.inf if score is None else score


def bits(value: float) -> str:
    """Write bits, always with four decimals."""
    return f"{value:.4f}"


def percent(value: float) -> str:
    """Write a rate as a percentage; the header says `%`."""
    return f"{100 * value:.1f}"


def decimal(value: float) -> str:
    """Write seconds, epochs and the like."""
    return f"{value:.1f}"


def count(value: float) -> str:
    """Write a number in full, with commas."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Write three significant digits: `1.31 M`."""
    power = 0
    while value >= 999.5 and power < 4:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {' kMGT'[power]}".rstrip()


def perplexity(value: float) -> str:
    """Write a number that may be astronomical: `187.2`, `12,345`, `1.4e11`."""
    if value < 1e5:
        return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"
    return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def _lookup(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        else:
            value = value[int(key)] if isinstance(value, list) and value else None
    return None if isinstance(value, float) and math.isnan(value) else value
