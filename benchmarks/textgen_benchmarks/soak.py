"""Minutes of work in one folder, with kills: `python -m textgen_benchmarks.soak --minutes 30`.

In turn, a comparison is begun, killed, continued, verified and scored, with the same few folders again and
again, while one process calls the library, and nothing else: `bench`, `score` and `sample`. Its memory and
its open descriptors must stay level, and no file may be left that does not belong.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import linear_regression, median

import textgen
from textgen import ClusterOptions, SampleOptions, TextOptions
from textgen.cli.console import print_rows
from textgen_benchmarks.killing import after, contents, run, unfinished
from textgen_benchmarks.kills import ENTRY, TEXT
from textgen_benchmarks.saving import json_option, save

BUDGET = "20000chars"
ARGUMENTS = ("bench", ENTRY, "char-ngram", *TEXT, "--budget", BUDGET, "--length", "40")
MAX_KILLS = 3
"""Kills of a comparison, each at another instant, before it may end."""
WARM_UP = 3
"""First rounds, whose memory is not counted: caches fill."""


@dataclass(frozen=True)
class Round:
    """One round of work, and the memory and descriptors of the process that calls the library after it."""

    seconds: float
    memory_mb: float
    """Resident memory."""
    num_descriptors: int
    num_kills: int
    problems: tuple[str, ...] = ()


def one_round(folder: Path, expected: Mapping[str, str], chance: random.Random, library: Executor) -> Round:
    """Kill, continue and verify a comparison, then call the library in its process.

    `expected` has the contents of the files of a comparison that was not killed.
    """
    began, problems = time.monotonic(), []
    place = folder / "killed"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    arguments = [*ARGUMENTS, "--out", str(place / "out")]
    num_kills = 0
    while num_kills < MAX_KILLS and run(arguments, place, after(chance.uniform(2, 8))).code is None:
        num_kills += 1
    for command in (arguments, ["verify", str(place / "out")]):
        ended = run(command, place)
        if ended.code:
            problems.append(f"{command[0]}: {ended.output}")
    there = contents(place)
    problems += [f"{name} differs" for name in expected if there.get(name) != expected[name]]
    problems += [f"{name} is left" for name in there if name not in expected]
    problems += [f"{path.name} is left" for path in unfinished(folder)]
    memory, descriptors = library.submit(work, folder / "library").result()
    return Round(time.monotonic() - began, memory, descriptors, num_kills, tuple(problems))


def work(folder: Path) -> tuple[float, int]:
    """Compare, load, score and sample by the library; return this process's MB of memory and descriptors."""
    shutil.rmtree(folder, ignore_errors=True)
    textgen.bench(
        [ENTRY, "char-ngram"],
        TextOptions("lee", max_chars=30_000),
        budget=BUDGET,
        samples=SampleOptions(length=40),
        cluster=ClusterOptions(device="cpu", precision="fp32"),
        out=folder,
    )
    trained = next(path for path in (folder / "runs").iterdir() if path.name.startswith("char-lstm"))
    loaded = textgen.load(trained, device="cpu")
    loaded.score("The quick brown fox jumps over the lazy dog. " * 20)
    loaded.samples(4, "The ", length=40)
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(os.listdir("/proc/self/fd"))


def level(values: Sequence[float]) -> dict[str, float] | None:
    """Return medians of the first and last third of values, and their slope; None for fewer than three."""
    third = len(values) // 3
    if not third:
        return None
    slope = linear_regression(range(len(values)), values).slope
    return {"first_third": median(values[:third]), "last_third": median(values[-third:]), "per_round": slope}


def stray_files(folder: Path) -> list[str]:
    """Return hidden files, unfinished folders and locks that are still there."""
    endings = (".partial", ".lock", ".tmp", ".new")
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.name.startswith(".") or path.name == "lock" or path.name.endswith(endings)
    )


def main() -> None:
    """Work for the given time, print what changed and save it."""
    parser = json_option(__doc__, "soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as temporary:
        os.environ["TMPDIR"] = tempfile.tempdir = temporary
        rounds = soaked(Path(work), options.minutes * 60, options.seed)
        stray = stray_files(Path(work))
        # Torch makes one folder for each user.
        left = [name for name in sorted(os.listdir(temporary)) if not name.startswith("torchinductor_")]
    counted = rounds[WARM_UP:]
    memory = level([each.memory_mb for each in counted])
    descriptors = level([each.num_descriptors for each in counted])
    num_kills = sum(each.num_kills for each in rounds)
    counts = {"num_rounds": len(rounds), "num_kills": num_kills}
    levels = {"memory_mb": memory, "descriptors": descriptors}
    remains = {"stray_files": stray, "left_in_temporary_folder": left}
    settings = {"minutes": options.minutes, "seed": options.seed}
    save(options.json, **settings, **counts, **levels, **remains, rounds=rounds)
    print_rows([{"quantity": name, **each} for name, each in levels.items() if each])
    problems = [problem for each in rounds for problem in each.problems]
    print(f"{len(rounds)} rounds, {num_kills} kills; problems: {problems}; left: {stray} {left}")


def soaked(folder: Path, seconds: float, seed: int) -> list[Round]:
    """Work in a folder for a while; return the rounds."""
    whole = folder / "whole"
    whole.mkdir()
    if (ended := run([*ARGUMENTS, "--out", str(whole / "out")], whole)).code:
        sys.exit(f"error: textgen bench: {ended.output}")
    deadline = time.monotonic() + seconds
    with ProcessPoolExecutor(1, get_context("spawn")) as library:
        expected, chance, rounds = contents(whole), random.Random(seed), list[Round]()
        while time.monotonic() < deadline or not rounds:
            rounds.append(one_round(folder, expected, chance, library))
            print(rounds[-1], file=sys.stderr)
    return rounds


if __name__ == "__main__":
    main()
