"""Commands that are killed while they run: watched from outside, and judged by the files they leave.

Processes are found in /proc, so this needs Linux.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.runtime.storage.files import DIGESTS
from textgen.runtime.storage.state_files import VALUES, load_state
from textgen.training.checkpoints import DAMAGE, FINISHED, INTERVAL

MARK = "TEXTGEN_KILLING"
"""Environment variable by which all processes of a command are found."""
SECONDS_TO_LOOK = 0.2
"""Interval at which checkpoints are looked for. A missed checkpoint is followed by others."""
SECONDS_TO_END = 120.0
"""Seconds that the other processes of a command may outlive the one that was killed."""
UNFINISHED = re.compile(r"\..*textgen-.*")
"""Names of files and folders while they are written."""
TIMES = re.compile(r"(\w+_)?seconds|(\w+_)?chars_per_second|cpu_utilization|command|machine|versions|number")
"""Names of values that differ between two equal runs, or only tell who made them."""
PAGES = (".html", ".md", ".db", ".lock")
"""Files that show or keep the contents of other files, which are compared."""


@dataclass
class Attempt:
    """A command that ended, or was killed."""

    code: int | None = None
    """None if it was killed."""
    output: str = ""
    """What it wrote on stderr."""
    survivors: int = 0
    """Processes that were there long after their parent was killed."""
    most_updates: float = 0
    """The updates in the last checkpoint that was left."""
    repeated: bool = False
    """Whether training began again, though there were checkpoints."""

    def look(self, folder: Path) -> None:
        """Note the newest checkpoints in a folder.

        With a checkpoint after each update, its number is that of its updates unless training began again.
        """
        newest = list(newest_checkpoints(folder))
        self.most_updates = max((updates for _, updates in newest), default=0)
        self.repeated |= any(number != updates for number, updates in newest)


def run(
    arguments: Sequence[str],
    folder: Path,
    kill_when: Callable[[], bool] = lambda: False,
    *,
    whole: bool = True,
) -> Attempt:
    """Run `textgen …` until it ends, or until it is to be killed; a checkpoint is written after each update.

    `folder` holds everything that the command writes. Without `whole` only the first process is killed,
    as by a user or by the kernel out of memory, and the others must notice.
    """
    mark, attempt = uuid.uuid4().hex, Attempt()
    environment = os.environ | {INTERVAL: "0", MARK: mark, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "textgen", *arguments]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment) as process,
    ):
        looked = time.monotonic()
        while (code := process.poll()) is None and not kill_when():
            if time.monotonic() - looked > SECONDS_TO_LOOK:
                attempt.look(folder)
                looked = time.monotonic()
            time.sleep(0.002)
        if code is None:
            attempt.survivors = _kill(process, mark, whole=whole)
        attempt.code = code
        errors.seek(0)
        attempt.output = errors.read()
    attempt.look(folder)
    return attempt


def _kill(process: subprocess.Popen[bytes], mark: str, *, whole: bool) -> int:
    """Kill a process, or all of its command; return the number of those that outlive it."""
    if whole:
        _kill_all(processes(mark))
    process.kill()
    process.wait()
    if whole:
        _kill_all(processes(mark))  # those that were born meanwhile
    deadline = time.monotonic() + SECONDS_TO_END
    while (left := processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.01)
    _kill_all(left)
    return len(left)


def _kill_all(numbers: Sequence[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def processes(mark: str) -> list[int]:
    """Return the ids of the running processes with a mark in their environment."""
    ids, wanted = [], f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            if wanted in path.read_bytes().split(b"\0"):
                ids.append(int(path.parent.name))
    return ids


def newest_checkpoints(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield number and updates of the readable checkpoints below a folder; infinite for a finished run."""
    for parent, _, files in os.walk(folder):  # unlike a glob, it does not mind what vanishes meanwhile
        place = Path(parent)
        if VALUES in files and not UNFINISHED.fullmatch(place.name):
            with suppress(*DAMAGE, RuntimeError):  # the latter from safetensors, if a file vanishes
                state = load_state(place)
                if place.name == FINISHED:
                    yield math.inf, math.inf
                else:
                    number = int(place.name.rpartition("-")[2])
                    yield number, state["state"]["trainer"]["num_updates"]


def contents(folder: Path) -> dict[str, str]:
    """Return the contents of the files below a folder, without times, by their relative paths."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): _content(path) for path in files}


def _content(path: Path) -> str:
    if path.name == DIGESTS or path.suffix in PAGES:
        return "there"
    if path.suffix != ".json":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    values = json.loads(path.read_text("utf-8"))
    values.pop("sha256", None)  # of the file, with its times
    if path.name == "study.json":
        values["trials"] = [each for each in values["trials"] if each["state"] != "killed"]
    return json.dumps(_without_times(values), sort_keys=True)


def _without_times(values: Any) -> Any:
    """Return JSON values without those that depend on the clock or the machine."""
    if isinstance(values, dict):
        return {name: _without_times(each) for name, each in values.items() if not TIMES.fullmatch(name)}
    return list(map(_without_times, values)) if isinstance(values, list) else values
