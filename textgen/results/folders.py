"""Folders of results, which kinds recognize by the files in them; and their removal.

Nothing is read but the names of files, so that looking through hundreds of folders is quick. Only what
textgen wrote is removed, and what no process writes to.
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
from typing import Literal

from textgen.contracts import TextgenError
from textgen.results.result_kind import RUN, Kind, kinds
from textgen.runtime.storage.files import UNFINISHED, remove_unfinished, slug, unfinished
from textgen.runtime.storage.result_folders import LOCK, RUN_FILE, holder, is_held

RUNS_OF_BENCH = "runs"
"""The folder in that of a bench with its runs."""
_STATE = ("state.json", "tensors.safetensors", "files.json")
RUN_FILES = (
    *(RUN_FILE, LOCK, "tokenizer.json", "spellings.json", "weights.safetensors", "files.json"),
    *(f"snapshots/*/{file}" for file in _STATE),
)
"""All files of a run, which are part of those of other kinds too."""
_STATES = ("*/checkpoint-*", "*/finished", "trained", "snapshots/*")
PARTIAL_FILES = (LOCK, *(f"{state}/{file}" for state in _STATES for file in _STATE))
"""All files of a run that was interrupted."""

MAX_DEPTH = 4
"""Folders below the root that are looked through."""
_SEED = re.compile(r"-seed\d+$")


@dataclass(frozen=True)
class ResultFolder:
    """A folder of results, and the folders of the runs in it."""

    path: Path
    kind: Kind
    is_finished: bool = True
    """True if it has the file with the result; one whose command was interrupted lacks it."""
    runs: tuple[Path, ...] = ()

    @property
    def is_run(self) -> bool:
        """True for a run, which the other kinds are made of."""
        return self.kind.name == RUN

    @property
    def file(self) -> Path:
        """The file with the result."""
        return self.path / self.kind.file

    @property
    def state(self) -> Literal["", "running", "interrupted"]:
        """What a result is doing: empty if it is complete and nothing writes to it."""
        with contextlib.suppress(OSError):  # the folder may not be written to
            if any(is_held(place / LOCK, removes=False) for place in (self.path, self.path.parent)):
                return "running"
        return "" if self.is_finished else "interrupted"

    @property
    def parts(self) -> list[ResultFolder]:
        """The results in it other than runs: the comparisons of a ladder, or the final one of a study."""
        inside = map(identify, subfolders(self.path))
        return [part for part in inside if part is not None and not part.is_run]

    @property
    def changed(self) -> float:
        """When the result was written, in seconds since the epoch."""
        return (self.file if self.is_finished else self.path).stat().st_mtime

    @property
    def num_bytes(self) -> int:
        """The size of all files in the folder."""
        files = (os.path.join(place, name) for place, _, names in os.walk(self.path) for name in names)
        return sum(os.lstat(file).st_size for file in files)


def find_folders(root: Path, depth: int = MAX_DEPTH, *, with_runs: bool = False) -> Iterator[ResultFolder]:
    """Yield the folders of results below `root`, in the order of their names; none is inside another.

    `with_runs` adds after each folder those of the results and runs in it.
    """
    for folder in subfolders(root):
        result = identify(folder)
        if result is not None:
            yield result
            if with_runs:
                yield from result.parts
                yield from map(run_in, result.runs)
        elif depth > 1:
            yield from find_folders(folder, depth - 1, with_runs=with_runs)


def identify(folder: Path) -> ResultFolder | None:
    """Return what results a folder holds; None if it holds none."""
    known = kinds().values()
    finished = next((kind for kind in known if os.path.isfile(os.path.join(folder, kind.file))), None)
    kind = finished or next((kind for kind in known if kind.is_unfinished(folder)), None)
    if kind is None:
        return None
    runs = tuple(run for run in kind.runs(folder) if (run / RUN_FILE).is_file())
    return ResultFolder(folder, kind, finished is not None, runs)


def run_in(folder: Path) -> ResultFolder:
    """Return the run that is known to be in a folder."""
    return ResultFolder(folder, kinds()[RUN])


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
    patterns = (PurePosixPath(pattern).parts for pattern in kind.files())
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not is_hidden and any(
        len(path.parts) == len(pattern) and all(map(fnmatchcase, path.parts, pattern)) for pattern in patterns
    )


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones and links."""
    try:
        names = sorted(each.name for each in os.scandir(folder) if each.is_dir(follow_symlinks=False))
    except OSError:  # there is no such folder, or it may not be read
        return []
    return [folder / name for name in names if not name.startswith(".")]


# --- removal


def check_removable(folder: ResultFolder) -> None:
    """Raise `TextgenError` unless textgen wrote all files in a folder, and no process writes there.

    The names of the files say which those are: a list in the folder would be one more file that can be
    damaged, and what killed processes left would not be on it.
    """
    path = folder.path
    if path.is_symlink() or not path.name:
        raise TextgenError(f"{str(path)!r} is a link or the root folder; remove it yourself")
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
    for lock in (*(path / file for file in files if file.name == LOCK), *around):
        if is_held(lock):
            raise TextgenError(f"{holder(lock)} is writing to {str(path)!r}; wait for it, or stop it")


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
