"""Training speed of several processes against one with as many threads: `python -m textgen_benchmarks.ranks`.

Each measurement is a `textgen train` on the CPU, of whose result the characters per second are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

from textgen.cli.console import print_rows
from textgen_benchmarks.saving import json_option, save
from textgen_benchmarks.timing import Medians


def speed(num_processes: int, num_threads: int, options: argparse.Namespace) -> float:
    """Return the characters per second of a training run in which each process has `num_threads`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "textgen", "train", options.entry, "--device", "cpu", "--json"]
        command += ["--quiet", "--budget", f"{options.seconds:g}s", "--max-chars", str(options.max_chars)]
        command += ["--processes", str(num_processes), "--out", f"{folder}/run"]
        environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return float(json.loads(done.stdout)["train"]["chars_per_second"])


def main() -> None:
    """Measure, print a table and, with `--json`, save the results."""
    parser = json_option(__doc__)
    parser.add_argument("--entry", default="char-lstm")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each training run")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--max-chars", type=int, default=1_000_000, help="length of the text")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    pairs = []
    for repetition in range(options.repetitions):
        print(f"{options.entry}, pair {repetition + 1} of {options.repetitions}", file=sys.stderr)
        ours = speed(options.processes, 1, options)
        pairs.append((ours, speed(1, options.processes, options)))
    speeds = Medians.of(pairs)
    row = {
        "entry": options.entry,
        "num_processes": options.processes,  # of one thread; the other is one process of as many threads
        "chars_per_second": speeds.ours,
        "reference_chars_per_second": speeds.reference,
        "ratio": speeds.ratio,
    }
    print_rows([{**row, "ratio": speeds.ratio_cell}])
    rows = [{**row, "ratio_range": speeds.ratio_range}]
    save(options.json, seconds=options.seconds, repetitions=options.repetitions, rows=rows)


if __name__ == "__main__":
    main()
