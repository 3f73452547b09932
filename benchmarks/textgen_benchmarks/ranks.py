"""Training speed of several processes against one with as many threads: `python -m textgen_benchmarks.ranks`.

Each measurement is a `textgen train` on the CPU, of whose result the characters per second are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textgen.runtime.environment import Machine, machine, versions
from textgen.runtime.files import write_file
from textgen.runtime.json_records import SCHEMA_VERSION, to_json
from textgen.runtime.markdown import table_lines

ENTRIES = ("char-lstm",)


@dataclass(frozen=True, kw_only=True)
class RanksRow:
    """Medians of one entry over pairs of training runs, one right after the other."""

    entry: str
    num_processes: int
    """Each with one thread; the other run of a pair is one process with as many threads."""
    chars_per_second: float
    reference_chars_per_second: float
    ratio: float
    ratio_range: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class RanksResult:
    """All measurements of this program."""

    schema_version: int
    machine: Machine
    versions: dict[str, str]
    seconds: float
    repetitions: int
    rows: tuple[RanksRow, ...]


def speed(entry: str, num_processes: int, num_threads: int, options: argparse.Namespace) -> float:
    """Return the characters per second of a training run in which each process has `num_threads`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "textgen", "train", entry, "--device", "cpu", "--json", "--quiet"]
        command += ["--budget", f"{options.seconds:g}s", "--max-chars", str(options.max_chars)]
        command += ["--processes", str(num_processes), "--out", f"{folder}/run"]
        environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return float(json.loads(done.stdout)["train"]["chars_per_second"])


def row(entry: str, num_processes: int, pairs: Sequence[tuple[float, float]]) -> RanksRow:
    """Return the medians of pairs of speeds: of the processes, and of one with as many threads."""
    ratios = [ours / reference for ours, reference in pairs]
    return RanksRow(
        entry=entry,
        num_processes=num_processes,
        chars_per_second=statistics.median(ours for ours, _ in pairs),
        reference_chars_per_second=statistics.median(reference for _, reference in pairs),
        ratio=statistics.median(ratios),
        ratio_range=(min(ratios), max(ratios)),
    )


def table(rows: Sequence[RanksRow]) -> list[str]:
    """Return the speeds and their ratios as a table."""
    lines = [["entry", "processes of one thread", "one process", "ratio"]]
    for each in rows:
        ours = f"{each.num_processes}: {each.chars_per_second:,.0f} chars/s"
        low, high = each.ratio_range
        ratio = f"{each.ratio:.2f} ({low:.2f}-{high:.2f})"
        lines.append([each.entry, ours, f"{each.reference_chars_per_second:,.0f} chars/s", ratio])
    return list(table_lines(lines, padded=True))


def main() -> None:
    """Measure, print a Markdown table and, with `--json`, save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the results, such as results/ranks.json")
    parser.add_argument("--seconds", type=float, default=30.0, help="training time of each run")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--max-chars", type=int, default=1_000_000, help="length of the text")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    number, rows = options.processes, []
    for entry in ENTRIES:
        pairs = []
        for repetition in range(options.repetitions):
            print(f"{entry}, pair {repetition + 1} of {options.repetitions}", file=sys.stderr)
            ours = speed(entry, number, 1, options)
            pairs.append((ours, speed(entry, 1, number, options)))
        rows.append(row(entry, number, pairs))
    print("\n".join(table(rows)))
    if options.json:
        result = RanksResult(
            schema_version=SCHEMA_VERSION,
            machine=machine(),
            versions=versions(),
            seconds=options.seconds,
            repetitions=options.repetitions,
            rows=tuple(rows),
        )
        write_file(options.json, to_json(result))


if __name__ == "__main__":
    main()
