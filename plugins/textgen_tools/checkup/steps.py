"""The steps of a checkup: programs in processes of their own, so that one that crashes costs itself alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from textgen.runtime.environment import Machine, machine, versions
from textgen.runtime.messages import UsageError, unknown

ENTRIES = ("char-lstm", "char-transformer", "word-lstm")
SIZES = ((96, 32), (128, 128), (256, 128), (256, 256))
"""Streams, and tokens of each, of the updates that are timed: the usual one, and those of a GPU."""
STEPS = ("device", "updates", "tests", "bench", "speed", "waits")
MAX_SECONDS = 1800
"""Seconds after which a step is ended."""
MAX_CHARS = 4000
"""The last characters of what a step wrote, which are kept."""


@dataclass(frozen=True)
class StepResult:
    """What a program said."""

    step: str
    what: str
    command: str
    outcome: str
    """`done`, `failed` or `left out`."""
    seconds: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)
    """What it measured, if it says so in JSON."""
    output: str = ""
    """The end of what else it wrote, or why it was left out."""


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """A machine and what its steps said."""

    versions: dict[str, str]
    machine: Machine
    device: str
    budget: str
    steps: tuple[StepResult, ...]


@dataclass(frozen=True)
class _Program:
    """A program of a step."""

    step: str
    what: str
    command: Sequence[str]
    missing: str = ""
    """Why it cannot run here."""
    folder: Path | None = None
    """Where it runs."""


def check_up(device: str, budget: str, chosen: Sequence[str], report: Callable[[str], object]) -> Checkup:
    """Return what all steps, or those that are `chosen`, say of a device; `report` is told each of them."""
    for each in chosen:
        if each not in STEPS:
            raise UsageError(unknown("step", each, STEPS))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for program in _programs(device, budget, Path(folder)):
            if not chosen or program.step in chosen:
                results.append(_run(program, report))
    return Checkup(versions=versions(), machine=machine(), device=device, budget=budget, steps=tuple(results))


def _programs(device: str, budget: str, folder: Path) -> Iterator[_Program]:
    python = sys.executable
    yield _Program("device", "its speed", [python, "-m", "textgen_tools.checkup.device", device])
    for name, (streams, length), compiles in product(ENTRIES, SIZES, ("no", "yes")):
        what = f"{name}, {streams} × {length} tokens{', compiled' * (compiles == 'yes')}"
        size = [str(streams), str(length), compiles, device]
        yield _Program("updates", what, [python, "-m", "textgen_tools.checkup.updates", name, *size])
    spec = find_spec("textgen")
    clone = Path((spec and spec.origin) or "").parent.parent
    no_clone = "" if (clone / "tests" / "experiment" / "test_cuda.py").is_file() else "there is no clone here"
    test = [python, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", "tests"]
    yield _Program("tests", "tests on CUDA", test, no_clone, clone)
    options = ["--budget", budget, "--device", device, "--out", str(folder / "bench"), "--json", "--quiet"]
    yield _Program("bench", "char-lstm word-lstm random", [python, "-m", "textgen", "bench", *options])
    no_programs = "" if find_spec("textgen_benchmarks") else "there is no clone here"
    for name in ("speed", "waits"):
        yield _Program(
            name, f"textgen_benchmarks.{name}", [python, "-m", f"textgen_benchmarks.{name}"], no_programs
        )


def _run(program: _Program, report: Callable[[str], object]) -> StepResult:
    """Run a program; how it ends is part of the result."""
    about = program.step, program.what, " ".join(program.command)
    if program.missing:
        return StepResult(*about, "left out", output=program.missing)
    report(f"{program.step}: {program.what}")
    began = time.perf_counter()
    try:
        done = subprocess.run(
            program.command,
            cwd=program.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=MAX_SECONDS,
        )
        code, printed, said = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, printed, said = 1, "", f"ended after {MAX_SECONDS} s"
    seconds = time.perf_counter() - began
    try:
        values = json.loads(printed)
    except ValueError:
        values = {}
    output = (said if values else printed + said)[-MAX_CHARS:]
    return StepResult(*about, "failed" if code else "done", seconds, values, output)
