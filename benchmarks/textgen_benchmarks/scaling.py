"""Time and memory as a text grows: `python -m textgen_benchmarks.scaling --json FILE`.

Texts of 0.1, 0.3 and 1 GB are made of words that follow Zipf's law (`write_text`), so that new words keep
coming as in real text. Each step runs in a process of its own with an empty cache. Its peak is that of the
memory that is its own, summed over all of its processes every 50 ms; what is mapped from files, which the
system can take back, does not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from textgen.data.corpus import load_corpus
from textgen_benchmarks.saving import json_option, save

BUDGET = "1Mchars"
ENTRIES = ("char-lstm", "byte-lstm", "bpe-lstm", "word-lstm")
FIRST_UPDATE = "first update of "
STEPS = ("clean", *(FIRST_UPDATE + name for name in ENTRIES))
SHAPE, FREQUENT = 0.5, 20
"""The share of words beyond rank r is (1 + r / FREQUENT) ** -SHAPE: 0.39 million different words in
24 million, about as many as in a newspaper archive of that size."""
SYLLABLES = [consonant + vowel for vowel in "eaoiu" for consonant in "tnshrdlcmwfgypbvk"]
KNOWN = 1 << 17
"""Ranks whose words are kept."""


class _FirstUpdateError(Exception):
    """Ends training after its first update."""


def measure(step: str, path: str) -> dict[str, Any]:
    """Return the seconds from a file to the end of a step, and the characters of the text."""
    # Imported here, since the processes that clean and tokenize import this file too.
    from textgen.experiment.entry_parser import parse_entry
    from textgen.experiment.experiment import Experiment
    from textgen.runtime.device import choose_device
    from textgen.runtime.process_setup import keep_freed_memory
    from textgen.training.budget import parse_budget
    from textgen.training.progress import Step

    def stop(said: Step) -> None:
        if said.progress is not None:
            raise _FirstUpdateError

    keep_freed_memory()  # as the command line does
    began = time.perf_counter()
    corpus = load_corpus([path])
    if step != "clean":
        entry = parse_entry(step.removeprefix(FIRST_UPDATE))
        experiment = Experiment(entry, corpus, parse_budget(BUDGET), choose_device("cpu"), 0)
        with suppress(_FirstUpdateError):
            experiment.train(stop)
    return {"seconds": time.perf_counter() - began, "num_chars": len(corpus.text)}


def own_memory(process: int) -> int:
    """Return the bytes of memory of a process and of those that it started that no file backs (Linux)."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
        children = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8")
    except OSError:  # it has ended
        return 0
    kilobytes = next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")), "0")
    return int(kilobytes) * 1024 + sum(map(own_memory, map(int, children.split())))


def watched(command: list[str], cache: str) -> dict[str, Any]:
    """Return what a command prints as JSON, and the peak of its memory."""
    environment = {**os.environ, "TEXTGEN_CACHE": cache}
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as running:
        while running.poll() is None:
            peak = max(peak, own_memory(running.pid))
            time.sleep(0.05)
        assert running.stdout is not None
        printed = running.stdout.read()
    if running.returncode:
        raise SystemExit(f"{command[-2]} failed")
    return {**json.loads(printed), "peak_bytes": peak}


def spelled(rank: int) -> str:
    """Return the word of a rank from 1 on: one syllable, then two and more."""
    word = ""
    while rank:
        rank, digit = divmod(rank - 1, len(SYLLABLES))
        word += SYLLABLES[digit]
    return word


def paragraphs() -> Iterator[str]:
    """Yield paragraphs of eight sentences of twelve words, each drawn independently, without end."""
    known = np.array(["", *map(spelled, range(1, KNOWN))], dtype=object)
    drawn = np.random.default_rng(0)
    while True:
        ranks = (1 + FREQUENT * (drawn.random((1000, 8, 12)) ** (-1 / SHAPE) - 1)).astype(np.int64)
        words = known[np.minimum(ranks, KNOWN - 1)]
        for place in np.argwhere(ranks >= KNOWN):
            words[tuple(place)] = spelled(int(ranks[tuple(place)]))
        for paragraph in words:
            yield " ".join(" ".join(sentence).capitalize() + "." for sentence in paragraph) + "\n\n"


def write_text(path: Path, num_chars: int) -> None:
    """Write a text of about `num_chars` characters, each a byte."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for paragraph in paragraphs():
            if written >= num_chars:
                return
            written += file.write(paragraph)


def main() -> None:
    """Measure all steps at all sizes and print them."""
    parser = json_option(__doc__)
    parser.add_argument("--sizes", default="100,300,1000", help="millions of characters, separated by commas")
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--write", type=Path, help="only write the text of the first size to this file")
    parser.add_argument("--one", nargs=2, help=SUPPRESS)
    options = parser.parse_args()
    sizes = [round(float(size) * 1e6) for size in options.sizes.split(",")]
    if options.write:
        write_text(options.write, sizes[0])
        return
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text.txt"
            write_text(path, size)
            for step in options.steps.split(","):
                command = [sys.executable, "-m", "textgen_benchmarks.scaling", "--one", step, str(path)]
                with tempfile.TemporaryDirectory() as cache:
                    row = {"step": step, "million_chars": size / 1e6, **watched(command, cache)}
                nanoseconds, megabytes = row["seconds"] / row["num_chars"] * 1e9, row["peak_bytes"] / 1e6
                print(
                    f"{step}, {size / 1e6:g} M: {row['seconds']:.1f} s, {nanoseconds:,.0f} ns/char,", end=" "
                )
                print(f"peak {megabytes:,.0f} MB", flush=True)
                rows.append(row)
                save(options.json, rows=rows)


if __name__ == "__main__":
    main()
