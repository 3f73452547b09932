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

from textgen.page.markdown import table_lines
from textgen.runtime.environment import Machine
from textgen_benchmarks.speed_results import print_and_save, speed_options

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
    parser = speed_options(__doc__, seconds=30.0, repetitions=5)
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
    print_and_save(rows, table(rows), RanksResult, options)


if __name__ == "__main__":
    main()
