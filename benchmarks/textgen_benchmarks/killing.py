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
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from textgen.runtime.storage.files import DIGESTS
from textgen.runtime.storage.state_files import VALUES, load_state
from textgen.training.checkpoints import DAMAGE, FINISHED, INTERVAL

Saves: TypeAlias = Callable[[], Sequence[str]]
"""Looks for saves that are unfinished, and returns the names of all that were seen so far."""
KillWhen: TypeAlias = Callable[[float, Saves], bool]
"""Given the seconds since the start and the saves: whether to kill now. Looking for saves takes time."""
MARK = "TEXTGEN_KILLING"
"""Environment variable by which all processes of a command are found."""
SECONDS_TO_LOOK = 0.2
"""Interval at which checkpoints and processes are looked for. A missed checkpoint is followed by others."""
SECONDS_TO_END = 20.0
"""Seconds that the other processes of a command may outlive the one that was killed."""
UNFINISHED = re.compile(r"\..*textgen-.*")
"""Names of files and folders while they are written."""
TIMES = re.compile(r"(\w+_)?seconds|(\w+_)?chars_per_second|cpu_utilization|command|machine|versions|number")
"""Names of values that differ between two equal runs, or say only who made them."""
PAGES = (".html", ".md", ".db", ".lock")
"""Files that show or keep the contents of other files, which are compared."""


def never(*_: object) -> bool:
    """Return False, so that a command may end."""
    return False


def after(instant: float) -> KillWhen:
    """Return the time to kill, in seconds since the start."""
    return lambda seconds, saves: seconds > instant


@dataclass
class Attempt:
    """A command that ended, or was killed."""

    code: int | None
    """None if it was killed."""
    seconds: float
    output: str
    """The last line on stderr."""
    first_checkpoint: float = math.inf
    """Seconds until the first checkpoint was there."""
    survivors: int = 0
    """Processes that were there long after their parent was killed."""
    updates: dict[Path, float] = field(default_factory=dict)
    """By folder of checkpoints: the updates in the last one that was seen."""
    repeated: int = 0
    """Checkpoints that were seen with fewer updates than there were checkpoints: training began again."""
    unfinished: tuple[str, ...] = ()
    """Names of what was being written when it was killed."""


def run(
    arguments: Sequence[str], folder: Path, kill_when: KillWhen = never, *, whole: bool = True
) -> Attempt:
    """Run `textgen …` until it ends, or until it is to be killed; a checkpoint is written after each update.

    `folder` holds everything that the command writes. Without `whole` only the first process is killed,
    as by a user or by the kernel out of memory, and the others must notice.
    """
    mark, start = uuid.uuid4().hex, time.monotonic()
    environment = os.environ | {INTERVAL: "0", MARK: mark, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "textgen", *arguments]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment) as process,
    ):
        attempt = Attempt(None, 0.0, "")
        seen: dict[str, None] = {}

        def saves() -> list[str]:
            seen.update(dict.fromkeys(path.name for path in unfinished(folder)))
            return list(seen)

        # The others are found in advance, since a save takes less time than looking for them.
        looked, others = 0.0, list[int]()
        while (code := process.poll()) is None:
            seconds = time.monotonic() - start
            if kill_when(seconds, saves):
                attempt.survivors = _kill(process, mark, others if whole else None)
                break
            if seconds - looked > SECONDS_TO_LOOK:
                look(folder, attempt)
                looked, others = seconds, processes(mark)
            if attempt.updates:
                attempt.first_checkpoint = min(attempt.first_checkpoint, seconds)
            time.sleep(0.002)
        attempt.code, attempt.seconds = code, time.monotonic() - start
        errors.seek(0)
        attempt.output = next(reversed(errors.read().splitlines()), "")
    attempt.unfinished = tuple(path.name for path in unfinished(folder)) if code is None else ()
    look(folder, attempt)
    return attempt


def _kill(process: subprocess.Popen[bytes], mark: str, others: Sequence[int] | None) -> int:
    """Kill a process, and with `others` all of its command; return the number of those that outlive it."""
    _kill_all(others or [])
    process.kill()
    process.wait()
    if others is not None:
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


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield the files and folders below `folder` that are being written, or never will be finished."""
    for parent, folders, files in os.walk(folder):
        made = [name for name in (*folders, *files) if UNFINISHED.fullmatch(name)]
        yield from (Path(parent, name) for name in made)
        folders[:] = [name for name in folders if name not in made]


def look(folder: Path, attempt: Attempt) -> None:
    """Note the updates of the newest checkpoints in a folder, as far as they can be read.

    With a checkpoint after each update, its number is that of its updates unless training began again.
    """
    for path, (number, updates) in newest_checkpoints(folder).items():
        attempt.updates[path] = updates
        attempt.repeated += number != updates


def newest_checkpoints(folder: Path) -> dict[Path, tuple[float, float]]:
    """Return number and updates of the newest readable checkpoint, by the folder that it is in.

    Both are infinite for a training run that is over.
    """
    newest: dict[Path, tuple[float, float]] = {}
    for parent, _, files in os.walk(folder):  # unlike a glob, it does not mind what vanishes meanwhile
        place = Path(parent)
        if VALUES not in files or UNFINISHED.fullmatch(place.name):
            continue
        try:
            state = load_state(place)
            if place.name == FINISHED:
                values = math.inf, math.inf
            else:
                values = int(place.name.rpartition("-")[2]), state["state"]["trainer"]["num_updates"]
        except (*DAMAGE, RuntimeError):  # the latter from safetensors, if a file vanishes
            continue
        newest[place.parent] = max(values, newest.get(place.parent, values))
    return newest


def lost(before: Mapping[Path, float], folder: Path) -> list[Path]:
    """Return the folders that had a checkpoint and now have neither one nor the result.

    Checkpoints are in a folder that is named like the result, with the ending `.partial`.
    """
    now = newest_checkpoints(folder)
    partial = {path: next(p for p in (path, *path.parents) if p.suffix == ".partial") for path in before}
    return [path for path in before if path not in now and not partial[path].with_suffix("").exists()]


def trials_done(folder: Path) -> int:
    """Return the number of trials with a result in the studies below a folder."""
    count = 0
    for path in folder.rglob("study.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            query = "select count(*) from trials where state in ('COMPLETE', 'PRUNED')"
            count += database.execute(query).fetchone()[0]
    return count


def contents(folder: Path, *, is_ordered: bool = True) -> dict[str, str]:
    """Return the contents of the files below a folder, without times, by their relative paths.

    Without `is_ordered` the order of a study's trials is left out, which is that of processes.
    """
    return {
        str(path.relative_to(folder)): _content(path, is_ordered)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _content(path: Path, is_ordered: bool) -> str:
    if path.name == DIGESTS or path.suffix in PAGES:
        return "there"
    if path.suffix != ".json":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    values = json.loads(path.read_text("utf-8"))
    values.pop("sha256", None)  # of the file, with its times
    if path.name == "study.json":
        values["trials"] = [each for each in values["trials"] if each["state"] != "killed"]
        if not is_ordered:
            values["trials"].sort(key=lambda trial: json.dumps(trial["params"]))
            del values["importances"]  # a forest of trees, which sees the trials in their order
    return json.dumps(without_times(values), sort_keys=True)


def without_times(values: Any) -> Any:
    """Return JSON values without those that depend on the clock or the machine."""
    if isinstance(values, dict):
        return {name: without_times(each) for name, each in values.items() if not TIMES.fullmatch(name)}
    return list(map(without_times, values)) if isinstance(values, list) else values
