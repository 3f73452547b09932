"""Results of a study, as `textgen tune --json` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, TypeAlias

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import Interval
from textgen.experiment.entry_result import EntryResult, EntrySettings
from textgen.results.comparison import Comparison
from textgen.results.header import Header
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import Amount, Share, check_different, check_names

Value: TypeAlias = bool | int | float | str | None
"""A value of an option."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """An option that is searched: a list of values, or a range of numbers."""

    option: str
    default: Value
    values: tuple[Value, ...] | None = None
    """None for a range."""
    low: int | float | None = None
    high: int | float | None = None
    """The ends of a range, integers for an option that is one."""
    log: bool = False
    step: float | None = None

    def check(self) -> None:
        """Raise `ValueError` unless it has a list of values, or a range."""
        if self.values is not None:
            return
        if self.low is None or self.high is None or not self.low <= self.high or (self.log and self.low <= 0):
            raise ValueError("neither values nor a range")

    @property
    def start(self) -> Value:
        """The value of the first trial: the default, or the nearest one if the search leaves it out."""
        if self.values is not None:
            return self.default if self.default in self.values else self.values[0]
        if not isinstance(self.default, int | float):
            return self.low
        return min(max(self.default, self.low or 0), self.high or 0)

    def rounded(self, value: Value) -> Value:
        """Return a value as it is tried and printed: a multiple of the step, or one of two digits."""
        if self.values is not None or value == self.default or not isinstance(value, int | float):
            return value
        number = round(value / self.step) * self.step if self.step else float(f"{value:.2g}")
        inside = min(max(number, self.low or 0), self.high or 0)
        return round(inside) if isinstance(self.low, int) else float(f"{inside:.6g}")


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial: the options that were tried, and the score; less is better."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    name: str
    """The entry with these options."""
    params: dict[str, Value]
    value: float | None
    """Validation bits per character."""
    curve: tuple[tuple[int, float | None], ...]
    """Percent of the budget, and the validation score after it."""
    seconds: Amount | None
    reason: str | None
    """Why it failed."""
    machine: Machine | None = None
    """The machine that it was trained and scored on; None if it has no value."""

    def check(self) -> None:
        """Raise `ValueError` unless it is complete if it has a value."""
        if (self.state == "complete") != (self.value is not None):
            raise ValueError("value: only a complete trial has one")


@dataclass(frozen=True)
class Contestant:
    """One side of the final comparison: an entry, and its mean score."""

    name: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class FinalComparison:
    """The best entry against the default, on text and with seeds that no trial had."""

    scored_on: Literal["test", "validation"]
    seeds: tuple[int, ...]
    default: Contestant
    best: Contestant
    gain: float | None
    """The gain of the best one; None if one of them has no score."""
    interval: Interval | None
    errors: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise `ValueError` unless both sides of a gain have a value."""
        if (self.gain is None) != (None in (self.default.value, self.best.value)):
            raise ValueError("gain: it is not that of two values")


@dataclass(frozen=True, kw_only=True)
class StudyResult(Header):
    """Result of a study."""

    name: str
    """The entry that is tuned, as the user wrote it."""
    settings: EntrySettings
    search: tuple[Dimension, ...]
    best: TrialResult | None
    comparison: FinalComparison | None
    importances: dict[str, Share]
    trials: tuple[TrialResult, ...]

    @property
    def best_trial(self) -> TrialResult:
        """The best trial; raises `TextgenError` if none completed, with the first reason."""
        if self.best is None:
            reasons = [trial.reason for trial in self.trials if trial.reason]
            raise TextgenError(f"no trial completed: {reasons[0] if reasons else '--timeout was too short'}")
        return self.best

    def check(self) -> None:
        """Raise `ValueError` if the trials are not those of the search, or the best is not one of them."""
        searched = {each.option: each for each in self.search}
        check_different("search", [each.option for each in self.search])
        check_different("trials", [trial.number for trial in self.trials])
        check_names("importances", self.importances, searched)
        if self.best is not None and (self.best.value is None or self.best not in self.trials):
            raise ValueError("best: not a complete trial of the study")
        for trial in self.trials:
            if trial.params.keys() != searched.keys():
                raise ValueError(f"trials: {trial.number} has other options than those searched")


def conclusion(result: Comparison, default: str, best: str, seeds: tuple[int, ...]) -> FinalComparison:
    """Return what a comparison of two entries says about the best of a study."""
    gain, interval = None, None
    for difference in result.differences:  # one of both, if these have a score
        if {difference.a, difference.b} != {default, best}:
            continue
        sign = 1 if difference.a == best else -1
        gain = sign * difference.bits_per_char
        if difference.interval is not None:
            ends = sorted(sign * end for end in difference.interval)
            interval = ends[0], ends[1]
    return FinalComparison(
        scored_on=result.scored_on,
        seeds=seeds,
        default=Contestant(default, _mean(result, default)),
        best=Contestant(best, _mean(result, best)),
        gain=gain,
        interval=interval,
        errors=tuple(
            f"{row.name}: {'it has no score' if isinstance(row, EntryResult) else row.error}"
            for row in result.entries
            if not isinstance(row, EntryResult) or row.score(result.scored_on) is None
        ),
    )


def _mean(result: Comparison, name: str) -> float | None:
    runs = [run for run in result.runs if run.name == name]
    scores = [score.bits_per_char for run in runs if (score := run.score(result.scored_on)) is not None]
    return fmean(scores) if scores else None


def rebuild_study(result: StudyResult) -> dict[str, Any]:
    """Return the values of a study that follow from its trials."""
    complete = [(trial.value, trial.number, trial) for trial in result.trials if trial.value is not None]
    again: dict[str, Any] = {"best": min(complete)[2] if complete else None}
    if made_on := next((trial.machine for trial in result.trials if trial.machine), None):
        again["machine"] = made_on
    final = result.comparison
    if final and final.default.value is not None and final.best.value is not None:
        again["comparison"] = {"gain": final.default.value - final.best.value}
    return again


def rebuild_final(saved: FinalComparison, result: Comparison) -> FinalComparison:
    """Return the final comparison of a study by its result."""
    seeds = tuple(dict.fromkeys(row.seed for row in result.entries))
    return conclusion(result, saved.default.name, saved.best.name, seeds)
