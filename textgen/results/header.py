"""What every result says of itself: the command, the day, the text, the machine; and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from textgen.data.corpus import Corpus, CorpusInfo, TextSources
from textgen.evaluation.intervals import INTERVAL_METHOD, SeedPrior
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import Machine, command_line, machine, versions
from textgen.runtime.storage.json_records import SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the rows of a result have in common."""

    schema_version: int = SCHEMA_VERSION
    command: str | None
    """The command that made it, if a command did."""
    made: str
    """The day on which it was made, in UTC."""
    corpus: CorpusInfo
    sources: TextSources
    device: str
    precision: str
    versions: dict[str, str]
    machine: Machine


@dataclass(frozen=True, kw_only=True)
class JudgedHeader(Header):
    """The same of a result whose scores have intervals."""

    interval_method: str = INTERVAL_METHOD
    """The kind of interval that its values have."""
    seed_priors: dict[str, SeedPrior]
    """By metric: what the intervals take to be known about the variance between training seeds."""


def header_values(corpus: Corpus, config: DeviceConfig, made_on: Machine | None = None) -> dict[str, Any]:
    """Return the fields of the header of a result that is made now; its rows were made on a machine."""
    return {
        "command": command_line(),
        "made": datetime.now(UTC).date().isoformat(),
        "corpus": corpus.info,
        "sources": corpus.sources,
        "device": config.device.type,
        "precision": config.precision,
        "versions": versions(),
        "machine": made_on or machine(),
    }
