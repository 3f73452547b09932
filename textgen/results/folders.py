"""Folders of results, told by their files: runs, benches, ladders, suites and studies; and their removal.

Nothing is read here but the names of files, so that looking through hundreds of folders is quick.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from textgen.contracts import TextgenError
from textgen.runtime.storage.files import UNFINISHED, remove_unfinished, slug, unfinished
from textgen.runtime.storage.result_folders import LOCK, holder, is_held, is_lock

Kind: TypeAlias = Literal["run", "bench", "ladder", "suite", "tune"]

FILES: dict[Kind, str] = {
    "run": "run.json",
    "bench": "bench.json",
    "ladder": "ladder.json",
    "suite": "suite.json",
    "tune": "study.json",
}
"""The file with the result, by which a folder is recognized."""
PAGE = "report.html"
RUNS_OF_BENCH = "runs"
"""The folder in that of a bench with its runs."""

_STATE = ("state.json", "tensors.safetensors", "files.json")
_RUN = (
    *(
        FILES["run"],
        LOCK,
        "tokenizer.json",
        "spellings.json",
        "weights.safetensors",
        "files.json",
        "samples.json",
        "guesses.json",
    ),
    *(f"snapshots/*/{file}" for file in _STATE),
)
_STATES = ("*/checkpoint-*", "*/finished", "trained", "snapshots/*")
_PARTIAL = (LOCK, *(f"{state}/{file}" for state in _STATES for file in _STATE))
"""Files of a run that was interrupted."""
_JOB = f"jobs/{'[0-9a-f]' * 16}"
_STUDY = tuple(f"study.db{new}{rest}" for new in ("", ".new") for rest in ("", "-journal", "-wal", "-shm"))
"""The database of a study, with what SQLite writes next to it, and while it is made."""
_BENCH = (
    FILES["bench"],
    LOCK,
    "details.json",
    "guesses.json",
    "report.md",
    PAGE,
    *(f"{RUNS_OF_BENCH}/*/{file}" for file in _RUN),
    *(f"{RUNS_OF_BENCH}/*.partial/{file}" for file in _PARTIAL),
)
CONTENTS: dict[Kind, tuple[str, ...]] = {
    "run": _RUN,
    "bench": _BENCH,
    "ladder": (FILES["ladder"], "report.md", PAGE, LOCK, *(f"*/{file}" for file in _BENCH)),
    "suite": (
        FILES["suite"],
        PAGE,
        LOCK,
        f"{_JOB}.json",
        *(f"{_JOB}.json.partial/{file}" for file in _PARTIAL),
    ),
    "tune": (
        FILES["tune"],
        *_STUDY,
        PAGE,
        LOCK,
        "workers/*.lock",
        *(f"trials/*.partial/{file}" for file in _PARTIAL),
        *(f"run/{file}" for file in _RUN),
        *(f"comparison/{file}" for file in _BENCH),
    ),
}
"""All files that a folder may hold: what else is in it is not ours."""

MAX_DEPTH = 4
"""Folders below the root that are looked through."""
_SEED = re.compile(r"-seed\d+$")


@dataclass(frozen=True)
class ResultFolder:
    """A folder of results, and the folders of the runs in it."""

    path: Path
    kind: Kind
    is_finished: bool = True
    """True if it has the file with the result; an interrupted bench, suite or study lacks it."""
    runs: tuple[Path, ...] = ()

    @property
    def file(self) -> Path:
        """The file with the result."""
        return self.path / FILES[self.kind]

    @property
    def changed(self) -> float:
        """When the result was written, in seconds since the epoch."""
        return (self.file if self.is_finished else self.path).stat().st_mtime

    @property
    def num_bytes(self) -> int:
        """The size of all files in the folder."""
        return sum(path.lstat().st_size for path in self.path.rglob("*") if not path.is_dir())


def find_folders(root: Path, depth: int = MAX_DEPTH, *, with_runs: bool = False) -> Iterator[ResultFolder]:
    """Yield the folders of results below `root`, in the order of their names; none is inside another.

    `with_runs` adds after each folder those of the runs in it.
    """
    for folder in _subfolders(root):
        result = identify(folder)
        if result is not None:
            yield result
            yield from (ResultFolder(run, "run") for run in result.runs if with_runs)
        elif depth > 1:
            yield from find_folders(folder, depth - 1, with_runs=with_runs)


def identify(folder: Path) -> ResultFolder | None:
    """Return what results a folder holds; None if it holds none."""
    kind = next((kind for kind, file in FILES.items() if (folder / file).is_file()), None)
    if kind is not None:
        return ResultFolder(folder, kind, runs=_runs(folder, kind))
    runs = _runs(folder, "bench")
    if runs and all(_SEED.search(run.name) for run in runs):
        return ResultFolder(folder, "bench", is_finished=False, runs=runs)
    if (folder / "study.db").is_file():
        return ResultFolder(folder, "tune", is_finished=False, runs=_runs(folder, "tune"))
    if any(_is_hash(path.stem) for path in folder.glob("jobs/*.json")):
        return ResultFolder(folder, "suite", is_finished=False)
    return None


def name_of(folder: Path, root: Path) -> str:
    """Return the name of a folder of results: its path below `root`, or its path if it is elsewhere.

    The folder in a bench that contains its runs is left out: `BENCH/char-lstm-seed0`.
    """
    if not folder.is_relative_to(root):
        return str(folder)
    return "/".join(part for part in folder.relative_to(root).parts if part != RUNS_OF_BENCH)


def run_folder(out: Path, name: str, seed: int) -> Path:
    """Return the folder of the run of an entry with one seed."""
    return out / RUNS_OF_BENCH / f"{slug(name)}-seed{seed}"


def entry_part(run: Path) -> str:
    """Return the part of the name of a bench's run that stands for its entry."""
    return _SEED.sub("", run.name)


def belongs(kind: Kind, path: PurePosixPath) -> bool:
    """Return whether a file, by its path in the folder, is one that textgen writes there."""
    patterns = (PurePosixPath(pattern).parts for pattern in CONTENTS[kind])
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not is_hidden and any(
        len(path.parts) == len(pattern) and all(map(fnmatchcase, path.parts, pattern)) for pattern in patterns
    )


def check_removable(folder: ResultFolder) -> None:
    """Raise `TextgenError` unless textgen wrote all files in a folder, and no process writes there.

    The names of the files say which those are: a list in the folder would be one more file that can be
    damaged, and what killed processes left would not be on it.
    """
    path = folder.path
    if path.is_symlink() or not path.name:
        raise TextgenError(f"{str(path)!r} is not a folder of its own; remove it yourself")
    files = sorted(_files(path))
    for file in files:
        is_leftover = any(map(UNFINISHED.fullmatch, file.parts))  # of a process that was killed
        is_plain = stat.S_ISREG((path / file).lstat().st_mode)
        if not is_leftover and not (is_plain and belongs(folder.kind, file)):
            raise TextgenError(
                f"{str(path)!r} also contains {str(file)!r}, which textgen did not write; "
                "move it away, or remove the folder yourself"
            )
    around = [each / LOCK for each in path.absolute().parents[:MAX_DEPTH] if identify(each)]
    for lock in (*(path / file for file in files if is_lock(file)), *around):
        if is_held(lock):
            raise TextgenError(f"{holder(lock)} writes to {str(path)!r}; wait until it is done, or end it")


def remove_results(folder: ResultFolder) -> None:
    """Remove a folder of results; the next command removes what is left if that is interrupted."""
    check_removable(folder)
    remove_unfinished(folder.path.parent)
    doomed = unfinished(folder.path)
    folder.path.rename(doomed)
    shutil.rmtree(doomed)
    if doomed.parent.name == RUNS_OF_BENCH:  # or the usual root, which has the same name
        with contextlib.suppress(OSError):  # there are others
            doomed.parent.rmdir()


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """Yield what is not a folder in a folder and its subfolders; links are not followed."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield PurePosixPath(path.relative_to(folder).as_posix())


def _runs(folder: Path, kind: Kind) -> tuple[Path, ...]:
    """Return the folders of the runs in a folder of results."""
    parents = {
        "bench": [folder / RUNS_OF_BENCH],
        "ladder": [each / RUNS_OF_BENCH for each in _subfolders(folder)],
        "tune": [folder, folder / "comparison" / RUNS_OF_BENCH],
    }.get(kind, [])
    return tuple(run for parent in parents for run in _subfolders(parent) if (run / FILES["run"]).is_file())


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones and links."""
    try:
        names = sorted(each.name for each in os.scandir(folder) if each.is_dir(follow_symlinks=False))
    except OSError:  # there is no such folder, or it may not be read
        return []
    return [folder / name for name in names if not name.startswith(".")]


def _is_hash(name: str) -> bool:
    return re.fullmatch("[0-9a-f]{16,}", name) is not None
