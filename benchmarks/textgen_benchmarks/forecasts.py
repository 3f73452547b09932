"""Times that commands announce, and those that they take, alone and beside two busy programs.

`python -m textgen_benchmarks.forecasts`
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

from textgen.cli.console import print_rows
from textgen_benchmarks.saving import json_option, save

COMMANDS = (
    "train char-lstm --budget 10s",
    "train word-lstm-glove --budget 15s",
    "train char-lstm --budget 300kchars",
    "train word-ngram",
    "bench char-lstm --budget 10s",
    "bench word-lstm-glove --budget 15s",
    "bench char-lstm word-lstm-glove random --budget 10s",
    "bench char-lstm char-gru --budget 300kchars",
    "bench char-lstm --budget 5s,10s",
    "bench word-lstm --seeds 2 --budget 10s",
)
NUM_BUSY = (0, 2)
"""Other programs, each of which keeps a core busy."""
MOST_WRONG = 1.3
"""The factor by which a good forecast is wrong at most."""
ANNOUNCED = re.compile(r"about (?:(\d+) h ?)?(?:([\d.]+) min)?(?:(\d+) s)?|a few seconds")
FEW = 5.0
"""Seconds that are taken for a few."""


def measured(command: str, num_busy: int) -> Iterator[dict[str, Any]]:
    """Yield what a command announced at the start and in the middle, and what was true; all in seconds."""
    spin = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(spin) for _ in range(num_busy)]
    began, said = time.monotonic(), list[tuple[float, float]]()
    try:
        with TemporaryDirectory() as folder:
            words = [sys.executable, "-m", "textgen", *command.split(), "--out", f"{folder}/out"]
            nowhere, piped = subprocess.DEVNULL, subprocess.PIPE
            with subprocess.Popen(words, text=True, stdout=nowhere, stderr=piped) as process:
                for line in process.stderr or ():
                    if found := ANNOUNCED.search(line):
                        hours, minutes, seconds = (float(each or 0) for each in found.groups())
                        announced = 3600 * hours + 60 * minutes + seconds or FEW
                        said.append((time.monotonic() - began, announced))
    finally:
        for each in programs:
            each.kill()
            each.wait()
    if process.returncode:
        raise SystemExit(f"textgen {command} ended with {process.returncode}")
    end = time.monotonic() - began
    half = (said[0][0] + end) / 2
    middle = min(said[1:], key=lambda each: abs(each[0] - half))
    for when, (after, announced) in (("start", said[0]), ("middle", middle)):
        truth = end - after
        factor = max(announced / truth, truth / announced)
        times = {"after": after, "announced": announced, "truth": truth, "factor": factor}
        yield {"command": command, "num_busy": num_busy, "when": when, **times}


def main() -> None:
    """Run all commands, save what they announced, and print it."""
    options = json_option(__doc__, "forecasts").parse_args()
    found = [each for command in COMMANDS for number in NUM_BUSY for each in measured(command, number)]
    save(options.json, most_wrong=MOST_WRONG, announced=found)
    print_rows(
        [{name: f"{each:.4}" if name == "factor" else each for name, each in row.items()} for row in found]
    )
    good = sum(each["factor"] <= MOST_WRONG for each in found)
    print(f"{good} of {len(found)} are wrong by at most {MOST_WRONG} times")


if __name__ == "__main__":
    main()
