"""Result of a comparison, as `textgen bench --json` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.baselines import Reference
from textgen.evaluation.text_metrics import TextMetrics
from textgen.experiment.results import EntryResult, FailedEntry
from textgen.runtime.environment import Machine
from textgen.runtime.json_records import SCHEMA_VERSION


@dataclass(frozen=True)
class EntryScore:
    """The score of an entry over all its seeds."""

    name: str
    bits_per_char: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Difference in bits per character of entry `b` from `a`, the best entry."""

    a: str
    b: str
    bits_per_char: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class HeldOut:
    """Metrics of the held-out text itself, for comparison with those of samples."""

    sample_metrics: TextMetrics


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Entries × seeds on one corpus under one budget."""

    schema_version: int = SCHEMA_VERSION
    corpus: CorpusInfo
    budget: str
    device: str
    precision: str
    versions: dict[str, str]
    machine: Machine
    scored_on: Literal["test", "validation"]
    prompts: tuple[str, ...]
    references: tuple[Reference, ...]
    held_out: HeldOut
    interval_method: str
    """What kind of interval the scores and differences have."""
    scores: tuple[EntryScore, ...]
    """Of the entries that have one, the best first."""
    differences: tuple[Difference, ...]
    """Of the other entries from the best."""
    entries: tuple[EntryResult | FailedEntry, ...]
    """One row for each entry and seed."""
