"""Scoring and samples beside other programs: `python -m textgen_benchmarks.busy FILE FOLDER`.

Each entry reads 200,000 characters of FILE, unless FOLDER has its run. Then it scores 60,000, in 24 stretches
and as one text, and writes 24 samples of 500: alone and beside as many busy programs as there are cores, with
threads as textgen chooses them and with one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import SUPPRESS
from collections.abc import Callable
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from textgen.data.bound_tokenizer import START
from textgen.data.cleaning import clean_text
from textgen.evaluation.token_bits import score_stretches
from textgen.library.runs import load
from textgen.library.training import train
from textgen.runtime.device import CPU
from textgen.runtime.environment import num_cores
from textgen_benchmarks.saving import json_option, save

ENTRIES, BUDGET = ("char-lstm", "word-lstm-glove"), "200kchars"
NUM_STRETCHES, NUM_CHARS = 24, 60_000
THREADS = {"as chosen": {}, "one": {"OMP_NUM_THREADS": "1"}}
BUSY_PROGRAM = "while True: pass"


def measure(folder: Path, path: Path) -> dict[str, tuple[float, float]]:
    """Return the seconds and the CPU seconds of each work with a run, in this process."""
    run, size = load(folder, device="cpu"), NUM_CHARS // NUM_STRETCHES
    text = clean_text(path.read_text("utf-8"), str(path), run.settings.corpus.cleaner)[:NUM_CHARS]
    texts = [text[begin : begin + size] for begin in range(0, NUM_CHARS, size)]
    model, tokenizer = run.saved.model, run.saved.tokenizer
    ids, start = list(map(tokenizer.encode, texts)), tokenizer.encode(START)
    works: dict[str, Callable[[], object]] = {
        "scoring stretches": lambda: score_stretches(model, texts, ids, start, device=CPU),
        "scoring a text": lambda: run.score(text),
        "samples": lambda: run.samples(NUM_STRETCHES, length=500),
    }
    found = {}
    for name, work in works.items():
        began, cpu_began = time.perf_counter(), time.process_time()
        work()
        found[name] = round(time.perf_counter() - began, 3), round(time.process_time() - cpu_began, 3)
    return found


def main() -> None:
    """Measure both entries and print them."""
    parser = json_option(__doc__, "busy")
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--one", action="store_true", help=SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.folder, options.file)))
        return
    rows = []
    for entry, num_others, threads in product(ENTRIES, (0, num_cores()), THREADS):
        if not (folder := options.folder / entry).exists():
            train(entry, options.file, budget=BUDGET, out=folder)
        command = [sys.executable, "-m", "textgen_benchmarks.busy", str(options.file), str(folder), "--one"]
        with ExitStack() as stack:
            for _ in range(num_others):
                other = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY_PROGRAM]))
                stack.callback(other.kill)
            found = json.loads(subprocess.check_output(command, env={**os.environ, **THREADS[threads]}))
        about = {"entry": entry, "busy_programs": num_others, "threads": threads}
        for work, (seconds, cpu_seconds) in found.items():
            rows.append(about | {"work": work, "seconds": seconds, "cpu_seconds": cpu_seconds})
            print(*rows[-1].values(), flush=True)
    save(options.json, rows=rows)


if __name__ == "__main__":
    main()
