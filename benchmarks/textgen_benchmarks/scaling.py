"""Time and memory per character as the text grows: `python -m textgen_benchmarks.scaling --json FILE`.

Texts of 1, 10 and 100 million characters repeat the corpus `wiki`, each time after a different line. Each
step runs in a separate process with an empty cache, so that the peak memory is that of the step.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from textgen.data.corpus import load_corpus
from textgen_benchmarks.saving import json_option, save

BUDGET = "1Mchars"
STEPS = ("clean", "tokenize char", "tokenize word", "train", "score")


def measure(step: str, path: str) -> dict[str, Any]:
    """Return the seconds that one step takes, the characters it processes, and its peak memory in bytes."""
    # Imported here, since the processes that clean and tokenize import this file too.
    from textgen.experiment.encoding import encode_training
    from textgen.experiment.entry_parser import parse_entry
    from textgen.experiment.experiment import Experiment
    from textgen.experiment.score_run import score_any
    from textgen.runtime.device import choose_device
    from textgen.runtime.process_setup import keep_freed_memory
    from textgen.training.budget import parse_budget

    began = time.perf_counter()
    corpus = load_corpus([path], "prose" if step == "clean" else "raw")
    seconds, num_chars = time.perf_counter() - began, len(corpus.text)
    if step.startswith("tokenize"):
        entry = parse_entry(f"{step.split()[1]}-uniform")
        _ = corpus.info  # hashes are not part of tokenizing
        began = time.perf_counter()
        encode_training(entry, entry.build_tokenizer(), corpus)
        seconds, num_chars = time.perf_counter() - began, len(corpus.split.train)
    elif step in ("train", "score"):
        entry = parse_entry("char-lstm" if step == "train" else "char-uniform")
        device_config = choose_device("cpu")
        keep_freed_memory()  # as the command line does
        run = Experiment(entry, corpus, parse_budget(BUDGET), device_config, 0).run()
        seconds, num_chars = run.result.train.seconds, run.result.train.num_chars
        if step == "score":
            began = time.perf_counter()
            score_any(run, corpus.text, device_config.device)
            seconds, num_chars = time.perf_counter() - began, len(corpus.text)
    # Linux counts in kB, macOS in bytes; of several processes, the largest counts.
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "seconds": seconds,
        "num_chars": num_chars,
        "peak_bytes": peak * (1 if sys.platform == "darwin" else 1024),
    }


def write_text(path: Path, num_chars: int) -> None:
    """Write a text of `num_chars` characters."""
    wiki, written, repetition = str(load_corpus(["wiki"]).text), 0, 0
    with path.open("w", encoding="utf-8") as file:
        while written < num_chars:
            piece = f"This is repetition number {repetition}.\n\n{wiki}\n"[: num_chars - written]
            written += file.write(piece)
            repetition += 1


def main() -> None:
    """Measure all steps at all sizes and print them."""
    parser = json_option(__doc__)
    parser.add_argument("--sizes", default="1,10,100", help="millions of characters, separated by commas")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--one", nargs=2, help=SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    rows = []
    for size in map(float, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text.txt"
            write_text(path, round(size * 1e6))
            for step in options.steps.split(","):
                command = [sys.executable, "-m", "textgen_benchmarks.scaling", "--one", step, str(path)]
                with tempfile.TemporaryDirectory() as cache:
                    environment = {**os.environ, "TEXTGEN_CACHE": cache}
                    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
                row = {"step": step, "million_chars": size, **json.loads(done.stdout)}
                nanoseconds, megabytes = row["seconds"] / row["num_chars"] * 1e9, row["peak_bytes"] / 1e6
                print(f"{step}, {size:g} M: {nanoseconds:,.0f} ns/char, peak {megabytes:,.0f} MB", flush=True)
                rows.append(row)
    save(options.json, rows=rows)


if __name__ == "__main__":
    main()
