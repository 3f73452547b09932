"""Training speed beside other work, by how OpenMP threads wait: `python -m textgen_benchmarks.threads`."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from textgen.data.corpus import load_corpus
from textgen.runtime.allocator import keep_freed_memory
from textgen.runtime.cpu_share import CpuShare
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine, machine, versions
from textgen.runtime.files import write_file
from textgen.runtime.json_records import SCHEMA_VERSION, to_json
from textgen.runtime.markdown import table_lines
from textgen_benchmarks.speed import Ours

POLICIES: dict[str, dict[str, str]] = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    **{f"spin {count}": {"GOMP_SPINCOUNT": str(count)} for count in (1000, 10_000, 30_000)},
}
"""Environment variables by name of the setting; GNU's OpenMP reads them when torch is loaded."""
CASES = {
    "char-lstm": tuple(POLICIES),
    "word-lstm": tuple(POLICIES),
    "bpe-gru": ("default",),
    "char-transformer": ("default",),
    "char-lstm:num_layers=1,hidden_size=64": ("default",),
}
"""Settings that are measured, by entry."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Where Linux takes the niceness of a session, by which it divides the cores between sessions."""
HEADER = [
    "entry",
    "beside",
    "setting",
    "chars/s",
    "relative to alone (range)",
    "utilization (range)",
    "of wall time x threads",
]


def count_forever() -> None:
    """Keep one core busy."""
    while True:
        pass


def multiply_forever() -> None:
    """Keep two threads of torch busy."""
    torch.set_num_threads(2)
    matrix = torch.ones(512, 512)
    while True:
        matrix @ matrix


LOADS: dict[str, list[Callable[[], None]]] = {
    "nothing": [],
    "one busy process": [count_forever],
    "two that multiply matrices": [multiply_forever, multiply_forever],
}
"""Other work on the machine, by its name."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One measurement of a training process."""

    num_chars: float
    seconds: float
    cpu_seconds: float
    main_thread_seconds: float
    """CPU time of the thread that calls torch."""
    cpu_share: float
    """What `CpuShare` says."""
    num_threads: int


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
    priority: bool
    """Whether the measurement came before other sessions of the machine."""
    rows: tuple[ThreadsRow, ...]


def serve(connection: Connection, entry: str) -> None:
    """Train for as many seconds as the connection says, each time it does, and answer with a `Sample`."""
    keep_freed_memory()
    ours = Ours(entry, load_corpus(["lee"]).text[:], choose_device("cpu"))
    chars_per_token = len(load_corpus(["lee"]).text) / len(ours.ids)
    update = ours.training(1)
    update()  # a warm-up, which starts the threads
    connection.send("ready")
    while True:
        try:
            seconds = connection.recv()
        except EOFError:
            return
        units, share, before = 0, CpuShare(), _times()
        while time.perf_counter() < before[0] + seconds:
            units += update()
        wall, cpu, main_thread = (now - then for now, then in zip(_times(), before, strict=True))
        connection.send(
            Sample(
                num_chars=units * chars_per_token,
                seconds=wall,
                cpu_seconds=cpu,
                main_thread_seconds=main_thread,
                cpu_share=share.value(),
                num_threads=torch.get_num_threads(),
            )
        )


def _times() -> tuple[float, float, float]:
    """Return wall time, CPU time of the process and CPU time of this thread, in seconds."""
    return time.perf_counter(), time.process_time(), time.thread_time()


@contextmanager
def trainee(entry: str, variables: dict[str, str], seconds: float) -> Iterator[Callable[[], Sample]]:
    """Yield a measurement of an entry that is trained in a process with these environment variables."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, entry), daemon=True)
    os.environ.update(variables)
    process.start()
    for name in variables:
        del os.environ[name]
    theirs.close()

    def measure() -> Sample:
        ours.send(seconds)
        sample: Sample = ours.recv()
        return sample

    ours.recv()
    try:
        yield measure
    finally:
        ours.close()
        process.join()


@contextmanager
def paused_load(functions: list[Callable[[], None]]) -> Iterator[list[int]]:
    """Yield ids of processes, stopped until they get SIGCONT, that each run one of the functions."""
    processes = [get_context("spawn").Process(target=function, daemon=True) for function in functions]
    for process in processes:
        process.start()
    time.sleep(5 if processes else 0)  # until they have loaded torch
    ids = [process.pid for process in processes if process.pid]
    _signal(ids, signal.SIGSTOP)
    try:
        yield ids
    finally:
        for process in processes:
            process.kill()


def _signal(ids: list[int], number: int) -> None:
    for process in ids:
        os.kill(process, number)


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
        if options.priority:
            stack.enter_context(priority())
        for (load, processes), repetition in product(loads.items(), range(options.repetitions)):
            _signal(processes, signal.SIGCONT)
            time.sleep(0.2)
            shift = repetition % len(policies)
            for policy in (*policies[shift:], *policies[:shift]):
                samples[load, policy].append(trainees[policy]())
            _signal(processes, signal.SIGSTOP)
    return samples


@contextmanager
def priority() -> Iterator[None]:
    """Put this session, and so all processes of the measurement, before other sessions."""
    before = AUTOGROUP.read_text("ascii").split()[-1]
    AUTOGROUP.write_text("-20", "ascii")
    try:
        yield
    finally:
        AUTOGROUP.write_text(before, "ascii")


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


def cells(row: ThreadsRow) -> list[str]:
    """Return a row of the table."""
    low, high = row.relative_range
    least, most = row.utilization_range
    return [
        row.entry,
        row.load,
        row.policy,
        f"{row.chars_per_second:,.0f}",
        f"{row.relative_speed:.3f} ({low:.3f}-{high:.3f})",
        f"{row.cpu_utilization:.2f} ({least:.2f}-{most:.2f})",
        f"{row.wall_utilization:.2f}",
    ]


def main() -> None:
    """Measure, print a Markdown table and, with `--json`, save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each measurement")
    parser.add_argument("--repetitions", type=int, default=4)
    parser.add_argument("--priority", action="store_true", help="come before other sessions (Linux, root)")
    options = parser.parse_args()
    rows: list[ThreadsRow] = []
    for entry, policies in CASES.items():
        print(entry, file=sys.stderr)
        samples = measure_entry(entry, policies, options)
        rows += [row(samples, entry, load, policy) for load, policy in product(LOADS, policies)]
    print("\n".join(table_lines([HEADER, *map(cells, rows)], padded=True)))
    if options.json:
        result = ThreadsResult(
            schema_version=SCHEMA_VERSION,
            machine=machine(),
            versions=versions(),
            seconds=options.seconds,
            repetitions=options.repetitions,
            priority=options.priority,
            rows=tuple(rows),
        )
        write_file(options.json, to_json(result))


if __name__ == "__main__":
    main()
