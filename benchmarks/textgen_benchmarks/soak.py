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
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
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
TORCHS_OWN = "torchinductor_"
"""A folder that torch makes once for each user."""
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


@dataclass
class Level:
    """Medians and slope of a quantity over the rounds, which should stay level."""

    first_third: float
    """Median."""
    last_third: float
    per_round: float
    """Slope of a straight line."""


@dataclass
class Soak:
    """The state of a soak."""

    folder: Path
    chance: random.Random
    library: Executor
    """The process that calls the library."""
    rounds: list[Round] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    """Contents of the files of a comparison that was not killed."""


def one_round(soak: Soak) -> Round:
    """Kill, continue, verify and score a comparison, then do the same work in this process."""
    began, problems = time.monotonic(), []
    place = soak.folder / "killed"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    arguments = [*ARGUMENTS, "--out", str(place / "out")]
    num_kills = 0
    for _ in range(MAX_KILLS):
        if run(arguments, place, after(soak.chance.uniform(2, 8))).code is not None:
            break
        num_kills += 1
    for command in (arguments, ["verify", str(place / "out")]):
        ended = run(command, place)
        if ended.code:
            problems.append(f"{command[0]}: {ended.output}")
    there = contents(place)
    problems += [f"{name} differs" for name in soak.expected if there.get(name) != soak.expected[name]]
    problems += [f"{name} is left" for name in there if name not in soak.expected]
    problems += [f"{path.name} is left" for path in unfinished(soak.folder)]
    memory, descriptors = soak.library.submit(work, soak.folder / "library").result()
    return Round(time.monotonic() - began, memory, descriptors, num_kills, tuple(problems))


def work(folder: Path) -> tuple[float, int]:
    """Compare, load, score and sample by the library; return memory and descriptors of this process."""
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
    return memory_mb(), len(os.listdir("/proc/self/fd"))


def memory_mb() -> float:
    """Return the resident memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def level(values: Sequence[float]) -> Level | None:
    """Return the level of values; None for fewer than three."""
    third = len(values) // 3
    if not third:
        return None
    slope = linear_regression(range(len(values)), values).slope
    return Level(median(values[:third]), median(values[-third:]), slope)


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
        soak = soaked(Path(work), options.minutes * 60, options.seed)
        stray = stray_files(Path(work))
        left = [name for name in sorted(os.listdir(temporary)) if not name.startswith(TORCHS_OWN)]
    counted = soak.rounds[WARM_UP:]
    memory = level([each.memory_mb for each in counted])
    descriptors = level([each.num_descriptors for each in counted])
    num_kills = sum(each.num_kills for each in soak.rounds)
    save(
        options.json,
        minutes=options.minutes,
        seed=options.seed,
        num_rounds=len(soak.rounds),
        num_kills=num_kills,
        memory_mb=memory,
        descriptors=descriptors,
        stray_files=stray,
        left_in_temporary_folder=left,
        rounds=soak.rounds,
    )
    levels = {"MB": memory, "descriptors": descriptors}
    print_rows([{"quantity": name, **vars(each)} for name, each in levels.items() if each])
    problems = [problem for each in soak.rounds for problem in each.problems]
    print(f"{len(soak.rounds)} rounds, {num_kills} kills; problems: {problems}; left: {stray} {left}")


def soaked(folder: Path, seconds: float, seed: int) -> Soak:
    """Work in a folder for a while."""
    whole = folder / "whole"
    whole.mkdir()
    if (ended := run([*ARGUMENTS, "--out", str(whole / "out")], whole)).code:
        sys.exit(f"error: textgen bench: {ended.output}")
    deadline = time.monotonic() + seconds
    with ProcessPoolExecutor(1, get_context("spawn")) as library:
        soak = Soak(folder, random.Random(seed), library, expected=contents(whole))
        while time.monotonic() < deadline or not soak.rounds:
            soak.rounds.append(one_round(soak))
            print(soak.rounds[-1], file=sys.stderr)
    return soak


if __name__ == "__main__":
    main()
