"""Damaged files, hostile files and odd words, by the thousand: `python -m textgen_benchmarks.fuzz`.

A case passes if it does what it should, or is refused by one line. It fails if it raises anything else, takes
more than 10 seconds or 1 GB of memory, if damage is not noticed, or if something is left behind. Cases run in
a process of their own, which is started again when it dies. Each has a seed, by which `--only KIND --case N`
repeats it. With `--only KIND`, the results of the other kinds stay in the file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from textgen.cli.console import print_rows
from textgen.runtime.storage.json_records import from_values
from textgen_benchmarks.fuzzing.kind import Kind
from textgen_benchmarks.fuzzing.worker import KINDS
from textgen_benchmarks.saving import json_option, save

SILENCE_SECONDS = 60.0
"""Without a line from the worker for so long, a case hangs where no signal reaches it."""
GOOD = ("fine", "refused as it should be")


@dataclass(frozen=True)
class Failure:
    """A case that failed."""

    number: int
    outcome: str
    detail: str


@dataclass
class Tried:
    """The cases of one kind."""

    kind: str
    cases: int = 0
    fine: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)
    """By outcome."""
    examples: list[Failure] = field(default_factory=list)
    """One of each sort."""


def outcomes(kind: Kind, seed: int, first: int, last: int, folder: Path) -> Iterator[Failure]:
    """Yield how the cases of a kind end, in order, whatever happens to the process that tries them."""
    while first < last:
        command = [sys.executable, "-m", "textgen_benchmarks.fuzzing.worker", kind.name]
        command += [str(seed), str(first), str(last), str(folder)]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as worker,
        ):
            assert worker.stdout is not None
            while line := _line(worker, kind.seconds):
                case = Failure(**json.loads(line))
                first = max(first, case.number + 1)
                yield case
            if worker.wait() and first < last:
                errors.seek(0)
                detail = f"the process ended with {worker.returncode}: {errors.read()[-300:]}"
                yield Failure(first, "died", detail)
                first += 1


def _line(worker: subprocess.Popen[str], seconds: int) -> str:
    """Return the next line of a worker, which is killed if it takes too long."""
    assert worker.stdout is not None
    watch = Timer(SILENCE_SECONDS + seconds, worker.kill)
    watch.start()
    try:
        return worker.stdout.readline()
    finally:
        watch.cancel()


def tried(kind: Kind, seed: int, first: int, last: int, folder: Path) -> Tried:
    """Try the cases of a kind and count how they end."""
    prepared = folder / kind.prepare.__name__
    if not prepared.exists():
        prepared.mkdir()
        kind.prepare(prepared)
    began, counts, seen = time.monotonic(), Tried(kind.name), Counter[str]()
    known: set[str] = set()
    for case in outcomes(kind, seed, first, last, folder):
        counts.cases += case.number >= 0
        seen[case.outcome] += 1
        if case.outcome not in GOOD and (alike := re.sub(r"\d+", "", f"{case}")[:300]) not in known:
            known.add(alike)
            counts.examples.append(case)
            print(f"{kind.name} {case.number}: {case.outcome}: {case.detail}", file=sys.stderr)
    counts.seconds = time.monotonic() - began
    counts.fine, counts.refused = (seen.pop(each, 0) for each in GOOD)
    counts.failed, counts.failures = seen.total(), dict(seen)
    return counts


def main() -> None:
    """Try all kinds, print the counts and save them."""
    parser = json_option(__doc__, "fuzz")
    parser.add_argument("--only", action="append", choices=list(KINDS))
    parser.add_argument("--share", type=float, default=1.0, help="of the cases of each kind")
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where prepared results are kept for the next time")
    options = parser.parse_args()
    known = json.loads(options.json.read_text("utf-8"))["kinds"] if options.json.exists() else []
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        for name, kind in KINDS.items():
            if options.only and name not in options.only:
                rows += [from_values(Tried, each) for each in known if each["kind"] == name]
            else:
                first = options.case or 0
                last = first + 1 if options.case is not None else round(kind.cases * options.share)
                rows.append(tried(kind, options.seed, first, last, folder))
    print_rows([vars(row) | {"examples": len(row.examples)} for row in rows])
    cases, failed = (sum(getattr(row, name) for row in rows) for name in ("cases", "failed"))
    save(options.json, seed=options.seed, cases=cases, failed=failed, kinds=rows)


if __name__ == "__main__":
    main()
