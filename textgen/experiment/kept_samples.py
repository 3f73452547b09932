"""Samples that someone wanted to keep, next to the run that wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textgen.experiment.entry_result import Sample
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, write_record
from textgen.runtime.storage.locks import locked

SAMPLES = "samples.json"
"""The file in the folder of a run; not covered by its digests, since it grows."""


@dataclass(frozen=True, kw_only=True)
class KeptSamples:
    """The contents of `samples.json`."""

    schema_version: int = SCHEMA_VERSION
    samples: tuple[Sample, ...]


def kept_samples(folder: Path) -> tuple[Sample, ...]:
    """Return the samples kept with a run, the oldest first; raises `TextgenError` if the file is damaged."""
    path = folder / SAMPLES
    return read_record(KeptSamples, path).samples if path.exists() else ()


def keep_samples(folder: Path, samples: Sequence[Sample]) -> int:
    """Add samples to those kept with a run, each once; return the number of all of them.

    Raises `TextgenError` if the file is damaged, which is left unchanged, and `OSError` if it cannot be
    written.
    """
    with locked(folder):
        kept = tuple(dict.fromkeys([*kept_samples(folder), *samples]))
        write_record(folder / SAMPLES, KeptSamples(samples=kept))
    return len(kept)
