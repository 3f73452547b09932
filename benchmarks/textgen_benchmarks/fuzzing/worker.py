"""The process in which cases are tried, with little memory and little time for each.

`python -m textgen_benchmarks.fuzzing.worker KIND SEED FIRST LAST FOLDER` prints a line of JSON for each case.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

import torch

from textgen.contracts import TextgenError
from textgen.runtime.messages import shortened
from textgen_benchmarks.fuzzing import (
    browser,
    commands,
    faults,
    foreign,
    keras,
    named,
    outs,
    readers,
    removal,
    saved,
    sharing,
    terminals,
    texts,
    together,
    users,
)
from textgen_benchmarks.fuzzing.commands import MAX_LINE
from textgen_benchmarks.fuzzing.kind import Case, Kind, WrongError, digest

KINDS = {
    kind.name: kind
    for module in (
        texts,
        named,
        saved,
        commands,
        users,
        removal,
        outs,
        terminals,
        foreign,
        readers,
        faults,
        together,
        browser,
        keras,
        sharing,
    )
    for kind in module.KINDS
}
MAX_BYTES = 1 << 30
"""Memory that a case may take beside what the process has at its start."""
ALLOCATION = re.compile(r"MemoryError|allocate|out of memory|Cannot allocate", re.I)


def where(error: BaseException) -> str:
    """Return an error in one line, with the last places in textgen that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/textgen" in frame.filename and "fuzzing" not in frame.filename]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in ours[-3:]]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]} at {' > '.join(places)}"


class TooSlowError(BaseException):
    """A case takes too long."""


def stop(*_: object) -> NoReturn:
    """Raise what ends a case."""
    raise TooSlowError


def limit_memory() -> None:
    """Refuse this process more than `MAX_BYTES` beside what it has."""
    status = Path("/proc/self/status").read_text()
    used = int(status.partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + MAX_BYTES, resource.RLIM_INFINITY))


def tried(kind: Kind, case: Case) -> tuple[str, str]:
    """Try one case; return its outcome (`fine`, `refused as it should be` or a problem) and details."""
    began = time.monotonic()
    try:
        signal.alarm(kind.seconds)
        problem = kind.check(case)
    except TextgenError as error:
        return refused(shortened(str(error)))  # as the command line does
    except TooSlowError as error:
        return "slow", where(error)
    except WrongError as error:
        problem = str(error)
    except BaseException as error:
        return "memory" if ALLOCATION.search(where(error)) else "traceback", where(error)
    finally:
        signal.alarm(0)
    if time.monotonic() - began > kind.seconds:
        return "slow", f"{time.monotonic() - began:.0f} s"
    outcome, _, detail = (problem or "fine").partition(": ")
    return outcome, detail


def refused(message: str) -> tuple[str, str]:
    """Return the outcome of a case that ended with a line."""
    if ALLOCATION.search(message) and "GB" not in message:
        return "memory", message[:300]
    if len(message) > MAX_LINE:
        return "long line", f"{len(message)} characters: {message[:100]}"
    return "refused as it should be", ""


def main() -> None:
    """Try the cases of a kind in a range."""
    name, seed, first, last, folder = sys.argv[1:]
    kind = KINDS[name]
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # so that nothing is shared with other processes
    prepared = Path(folder) / kind.prepare.__name__
    before = digest(prepared)
    place = Path(folder) / f"place {os.getpid()}"
    signal.signal(signal.SIGALRM, stop)
    limit_memory()
    lines, sys.stdout = sys.stdout, sys.stderr
    for number in range(int(first), int(last)):
        place.mkdir()
        chance = random.Random(f"{seed} {kind.name} {number}")
        outcome, detail = tried(kind, Case(prepared, chance, place))
        shutil.rmtree(place, ignore_errors=True)
        print(json.dumps({"number": number, "outcome": outcome, "detail": detail}), file=lines, flush=True)
    if digest(prepared) != before:
        print(json.dumps({"number": -1, "outcome": "changed", "detail": "what was prepared"}), file=lines)


if __name__ == "__main__":
    main()
