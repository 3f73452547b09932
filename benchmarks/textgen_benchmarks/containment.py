"""What safety costs: `python -m textgen_benchmarks.containment`.

Three costs, each of pairs that are measured in turn, so that the machine's drift cancels: the share of the
training speed that checkpoints at their default interval cost, the seconds that the process of an entry costs
in a comparison, and the share of the training speed that is lost in such a process, against `textgen.train`,
which trains in this one. Results go to results/containment.json.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import textgen
from textgen.cli.console import print_rows
from textgen.experiment.results import FailedEntry
from textgen.runtime.allocator import keep_freed_memory
from textgen.runtime.environment import machine, versions
from textgen.runtime.files import write_file
from textgen.runtime.json_records import SCHEMA_VERSION, to_json
from textgen.training.checkpoints import INTERVAL
from textgen.training.progress import Progress, Step

RESULT = Path(__file__).parents[1] / "results" / "containment.json"
TINY = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
SMALL: dict[str, Any] = {"corpus": "lee", "max_chars": 30_000, "budget": "2000chars"}


@dataclass(frozen=True)
class Cost:
    """One of the costs: the median over repetitions, the range, and what was measured."""

    name: str
    unit: str
    limit: float
    """What it must not exceed."""
    value: float
    low: float
    high: float
    measured: tuple[tuple[float, float], ...]
    """In each repetition: without and with."""


@dataclass
class Clock:
    """Measures training by the clock, from its first update to its last; a report of progress."""

    times: list[tuple[float, Progress]] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        """Note when an update was made."""
        if step.progress is not None:
            self.times = [*self.times[:1], (time.perf_counter(), step.progress)]

    def chars_per_second(self, validation_seconds: float) -> float:
        """Return the characters per second of training and checkpoints, without validation."""
        (began, first), (ended, last) = self.times
        return (last.num_chars - first.num_chars) / (ended - began - validation_seconds)


def trained(entry: str, budget: str) -> float:
    """Train in this process; return the characters per second by the clock."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        run = textgen.train(entry, budget=budget, out=f"{folder}/run", report=clock)
    return clock.chars_per_second(run.result.train.validation_seconds)


def trained_without_checkpoints(entry: str, budget: str) -> float:
    """Train in this process without checkpoints."""
    with patch.dict(os.environ, {INTERVAL: "1e9"}):
        return trained(entry, budget)


def trained_in_its_process(entry: str, budget: str) -> float:
    """Train as an entry of a comparison; return the characters per second."""
    with tempfile.TemporaryDirectory() as folder:
        result = textgen.bench(entry, budget=budget, length=20, out=folder)
    (row,) = result.entries
    if isinstance(row, FailedEntry):
        raise SystemExit(f"error: {entry}: {row.error}")
    return row.train.chars_per_second


def share_lost(name: str, without: Callable[[], float], ours: Callable[[], float], repetitions: int) -> Cost:
    """Measure two speeds in turn, and return the share of the first that the second lacks."""
    pairs = []
    for number in range(repetitions):
        if number % 2:
            second, first = ours(), without()
        else:
            first, second = without(), ours()
        pairs.append((first, second))
    return _cost(name, "share of training", 0.02, pairs, [1 - second / first for first, second in pairs])


def processes(num_entries: int, repetitions: int) -> Cost:
    """Measure the seconds that a further entry costs in a comparison, beyond those of `textgen.train`."""
    entries = [f"{TINY},learning_rate={1 + number}e-4" for number in range(num_entries)]
    compared(entries[:1])  # caches fill
    pairs = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            textgen.train(entries[0], **SMALL, out=f"{folder}/run")
            alone = time.perf_counter() - began
        pairs.append((alone, (compared(entries) - compared(entries[:1])) / (num_entries - 1)))
    return _cost("process of an entry", "s", 2.0, pairs, [taken - alone for alone, taken in pairs])


def compared(entries: Sequence[str]) -> float:
    """Return the seconds that a comparison of small entries takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        textgen.bench(entries, **SMALL, length=20, out=folder)
        return time.perf_counter() - began


def _cost(
    name: str, unit: str, limit: float, pairs: Sequence[tuple[float, float]], values: Sequence[float]
) -> Cost:
    return Cost(name, unit, limit, median(values), min(values), max(values), tuple(pairs))


def main() -> None:
    """Measure, print and save all costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entry", default="char-lstm")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--entries", type=int, default=6, help="of the comparison that counts processes")
    parser.add_argument("--json", type=Path, default=RESULT)
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    plain = partial(trained, options.entry, options.budget)
    costs = [
        share_lost(
            "checkpoints",
            partial(trained_without_checkpoints, options.entry, options.budget),
            plain,
            options.repetitions,
        ),
        share_lost(
            "training in its process",
            plain,
            partial(trained_in_its_process, options.entry, options.budget),
            options.repetitions,
        ),
        processes(options.entries, options.repetitions),
    ]
    print_rows([{**vars(cost), "measured": len(cost.measured)} for cost in costs])
    about = {
        "schema_version": SCHEMA_VERSION,
        "entry": options.entry,
        "budget": options.budget,
        "versions": versions(),
        "machine": machine(),
    }
    write_file(options.json, to_json({**about, "costs": costs}))


if __name__ == "__main__":
    main()
