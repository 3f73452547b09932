"""Cost of safety: `python -m textgen_benchmarks.containment`.

Three costs: the time that checkpoints at their default interval take in a training run, against the time of
its updates; the share of the training speed that is lost in the process of an entry, against `textgen train`;
and the seconds that such a process adds to a comparison. The speeds are measured at the same time, on a core
each, and the cores are exchanged every time, since the speed of a shared machine changes by the minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch

import textgen
from textgen import SampleOptions, TextOptions
from textgen.cli.console import print_rows
from textgen.runtime.process_setup import keep_freed_memory
from textgen.training.checkpoints import Checkpoints
from textgen_benchmarks.saving import json_option, save

TINY = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
SMALL: dict[str, Any] = {"corpus": TextOptions("lee", max_chars=30_000), "budget": "2000chars"}


@dataclass(frozen=True)
class Cost:
    """One of the costs: the median over repetitions, the range, and what was measured."""

    name: str
    unit: str
    limit: float
    """The most that it may be."""
    value: float
    low: float
    high: float
    measured: tuple[tuple[float, float], ...]
    """In each repetition: without and with."""


def checkpoints(entry: str, budget: str, repetitions: int) -> Cost:
    """Measure how long the updates of a training run take, alone and with its checkpoints."""
    pairs = []
    for _ in range(repetitions):
        with (
            tempfile.TemporaryDirectory() as folder,
            timed(Checkpoints.try_to_save) as saves,
            timed(Checkpoints.finish) as last,
        ):
            run = textgen.train(entry, budget=budget, out=f"{folder}/run")
        updates = run.result.train.seconds
        pairs.append((updates, updates + sum(saves) + sum(last)))
    values = [whole / updates - 1 for updates, whole in pairs]
    return _cost("checkpoints", "share of training", 0.02, pairs, values)


@contextmanager
def timed(method: Callable[..., Any]) -> Iterator[list[float]]:
    """Yield the seconds of each call of a method."""
    seconds: list[float] = []

    def call(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = method(*arguments)
        seconds.append(time.perf_counter() - began)
        return result

    with patch(f"{method.__module__}.{method.__qualname__}", call):
        yield seconds


def speeds(entry: str, budget: str, repetitions: int) -> Cost:
    """Measure the characters per second of `textgen train` and of an entry of `textgen bench`."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("error: two speeds at the same time need two cores")
    pairs = []
    for number in range(repetitions):
        first, second = cores if number % 2 else reversed(cores)
        with tempfile.TemporaryDirectory() as folder:
            options = [entry, "--budget", budget, "--json", "--out"]
            alone = started(["train", *options, f"{folder}/train"], first)
            compared = started(["bench", *options, f"{folder}/bench"], second)
            train, bench = (json.loads(each.communicate()[0]) for each in (alone, compared))
        pairs.append((train["train"]["chars_per_second"], bench["entries"][0]["train"]["chars_per_second"]))
    values = [1 - ours / plain for plain, ours in pairs]
    return _cost("training in its process", "share of training", 0.02, pairs, values)


def started(arguments: Sequence[str], core: int) -> subprocess.Popen[str]:
    """Start a command on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    command = [sys.executable, "-m", "textgen", *arguments]
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    finally:
        os.sched_setaffinity(0, cores)


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
        textgen.bench(entries, **SMALL, samples=SampleOptions(length=20), out=folder)
        return time.perf_counter() - began


def _cost(
    name: str, unit: str, limit: float, pairs: Sequence[tuple[float, float]], values: Sequence[float]
) -> Cost:
    return Cost(name, unit, limit, median(values), min(values), max(values), tuple(pairs))


def main() -> None:
    """Measure, print and save all costs."""
    parser = json_option(__doc__, "containment")
    parser.add_argument("--entry", default="char-lstm")
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--repetitions", type=int, default=6)
    parser.add_argument("--entries", type=int, default=6, help="of the comparison that counts processes")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    costs = [measure(options.entry, options.budget, options.repetitions) for measure in (checkpoints, speeds)]
    costs.append(processes(options.entries, options.repetitions))
    print_rows([{**vars(cost), "measured": len(cost.measured)} for cost in costs])
    save(options.json, entry=options.entry, budget=options.budget, costs=costs)


if __name__ == "__main__":
    main()
