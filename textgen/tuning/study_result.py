"""Results of a study, as `textgen tune --json` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import EntrySettings, RunSettings
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import SCHEMA_VERSION

StateName: TypeAlias = Literal["complete", "pruned", "failed", "killed", "waiting", "running"]
Value: TypeAlias = bool | int | float | str | None
"""A value of an option."""


@dataclass(frozen=True)
class MadeRun:
    """Entry and settings of a finished run."""

    entry: Entry
    settings: RunSettings


@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """Settings that, besides the searched options, determine the trials of a sampler."""

    sampler: str
    run: MadeRun
    seed: int


@dataclass(frozen=True, kw_only=True)
class SearchedOption:
    """An option that is searched: a range of numbers, or a list of values."""

    option: str
    default: Value
    low: float | None = None
    high: float | None = None
    log: bool = False
    num: int
    """Number of values that may be tried."""
    values: tuple[Value, ...] | None = None
    """None for a range."""


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial: the options that were tried and their value; less is better."""

    number: int
    state: StateName
    name: str | None
    """The entry or sampler with these options; None if they were never chosen."""
    params: dict[str, Value]
    value: float | None
    curve: tuple[tuple[int, float | None], ...]
    """Percent of the budget, and the validation score after it."""
    seconds: float | None
    reason: str | None
    """Why it failed."""
    machine: Machine | None = None
    """The machine that it was trained and scored on; None if it has no value, and in older results."""


@dataclass(frozen=True)
class Contestant:
    """One side of the final comparison: an entry or a sampler, and its mean value."""

    name: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class FinalComparison:
    """The best entry or sampler against the default, on text and with seeds that no trial had."""

    scored_on: Literal["test", "validation"]
    seeds: tuple[int, ...]
    default: Contestant
    best: Contestant
    gain: float | None
    """The gain of the best one; None if one of them has no score."""
    interval: tuple[float, float] | None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """Result of a study."""

    schema_version: int = SCHEMA_VERSION
    name: str
    """The entry or sampler that is tuned, as the user wrote it."""
    value_name: str
    """The meaning of a value; less is better."""
    settings: EntrySettings | SamplerSettings
    search: tuple[SearchedOption, ...]
    best: TrialResult | None
    comparison: FinalComparison | None
    importances: dict[str, float]
    trials: tuple[TrialResult, ...]
    versions: dict[str, str]
    machine: Machine

    @property
    def machines(self) -> list[Machine]:
        """The machine of each complete trial."""
        return [trial.machine for trial in self.trials if trial.machine is not None]
