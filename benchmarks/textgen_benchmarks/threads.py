"""Training speed beside other work, by how OpenMP threads wait: `python -m textgen_benchmarks.threads`."""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product

from textgen.page.markdown import table_lines
from textgen.runtime.environment import Machine
from textgen_benchmarks.contention import LOADS, Sample, paused_load, send_signal, trainee
from textgen_benchmarks.speed_results import print_and_save, speed_options

POLICIES: dict[str, dict[str, str]] = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    **{f"spin {count}": {"GOMP_SPINCOUNT": str(count)} for count in (1000, 10_000)},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
"""Environment variables by name of the setting; GNU's OpenMP reads them when torch is loaded."""
CASES = {
    "char-lstm": tuple(POLICIES),
    "word-lstm": tuple(POLICIES),
    "char-transformer": ("default",),
    "char-lstm:num_layers=1,hidden_size=64": ("default",),
}
"""Settings that are measured, by entry."""


@dataclass(frozen=True, kw_only=True)
class ThreadsRow:
    """Medians of one entry, under one load, with one setting."""

    entry: str
    load: str
    policy: str
    chars_per_second: float
    relative_speed: float
    """To the same entry alone, with torch's default, in the same repetition."""
    relative_range: tuple[float, float]
    cpu_utilization: float
    """What a training run records: the share of the CPU time that it wanted and got (see `CpuShare`)."""
    utilization_range: tuple[float, float]
    wall_utilization: float
    """CPU time of the process over wall time x threads."""
    main_thread_utilization: float
    """CPU time of the thread that trains over wall time."""


@dataclass(frozen=True, kw_only=True)
class ThreadsResult:
    """All measurements of this program."""

    schema_version: int
    machine: Machine
    versions: dict[str, str]
    seconds: float
    repetitions: int
    rows: tuple[ThreadsRow, ...]


Samples = dict[tuple[str, str], list[Sample]]
"""Samples of an entry by load and policy."""


def measure_entry(entry: str, policies: Sequence[str], options: argparse.Namespace) -> Samples:
    """Return samples of an entry under each load with each policy, in an order that rotates."""
    samples: Samples = defaultdict(list)
    with ExitStack() as stack:
        trainees = {
            policy: stack.enter_context(trainee(entry, POLICIES[policy], options.seconds))
            for policy in policies
        }
        loads = {name: stack.enter_context(paused_load(functions)) for name, functions in LOADS.items()}
        for (load, processes), repetition in product(loads.items(), range(options.repetitions)):
            send_signal(processes, signal.SIGCONT)
            time.sleep(0.2)
            shift = repetition % len(policies)
            for policy in (*policies[shift:], *policies[:shift]):
                samples[load, policy].append(trainees[policy]())
            send_signal(processes, signal.SIGSTOP)
    return samples


def row(samples: Samples, entry: str, load: str, policy: str) -> ThreadsRow:
    """Return the medians of one cell."""
    own, alone = samples[load, policy], samples["nothing", "default"]
    ratios = [
        sample.num_chars / sample.seconds / base.num_chars * base.seconds
        for sample, base in zip(own, alone, strict=True)
    ]
    shares = [sample.cpu_share for sample in own]
    return ThreadsRow(
        entry=entry,
        load=load,
        policy=policy,
        chars_per_second=statistics.median(sample.num_chars / sample.seconds for sample in own),
        relative_speed=statistics.median(ratios),
        relative_range=(min(ratios), max(ratios)),
        cpu_utilization=statistics.median(shares),
        utilization_range=(min(shares), max(shares)),
        wall_utilization=statistics.median(s.cpu_seconds / s.seconds / s.num_threads for s in own),
        main_thread_utilization=statistics.median(s.main_thread_seconds / s.seconds for s in own),
    )


def table(rows: Sequence[ThreadsRow]) -> list[str]:
    """Return a table of relative speeds, with the CPU utilization in brackets."""
    cells = {(row.entry, row.policy, row.load): row for row in rows}
    lines = [["speed relative to alone (CPU utilization)", *(f"beside {load}" for load in LOADS)]]
    for entry, policies in CASES.items():
        for policy in policies:
            found = [cells[entry, policy, load] for load in LOADS]
            speeds = [f"{row.relative_speed:.2f} ({row.cpu_utilization:.2f})" for row in found]
            settings = [f"{name}={value}" for name, value in POLICIES[policy].items()]
            lines.append([" ".join([entry, *settings]), *speeds])
    return list(table_lines(lines, padded=True))


def main() -> None:
    """Measure, print a Markdown table and, with `--json`, save the results."""
    options = speed_options(__doc__, seconds=1.0, repetitions=3).parse_args()
    rows: list[ThreadsRow] = []
    for entry, policies in CASES.items():
        print(entry, file=sys.stderr)
        samples = measure_entry(entry, policies, options)
        rows += [row(samples, entry, load, policy) for load, policy in product(LOADS, policies)]
    print_and_save(rows, table(rows), ThreadsResult, options)


if __name__ == "__main__":
    main()
