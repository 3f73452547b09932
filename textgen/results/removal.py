"""Removal of results: only what textgen wrote, and what no process writes to."""

from __future__ import annotations

import contextlib
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from textgen.contracts import TextgenError
from textgen.results.folders import MAX_DEPTH, RUNS_OF_BENCH, ResultFolder, belongs, identify
from textgen.runtime.storage.files import UNFINISHED, remove_unfinished, unfinished
from textgen.runtime.storage.result_folders import LOCK, holder, is_held


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
    for lock in (*(path / file for file in files if file.name == LOCK), *around):
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
