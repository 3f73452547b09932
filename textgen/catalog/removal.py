"""Removing folders of results, if nothing in them is the user's own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from textgen.catalog.folders import RUNS_OF_BENCH, ResultFolder, belongs
from textgen.contracts import TextgenError


def files_of(found: ResultFolder) -> Iterator[PurePosixPath]:
    """Yield the files that textgen wrote, by their paths in the folder."""
    for file in sorted(_files(found.path)):
        if belongs(found.kind, file):
            yield file


def check_removable(found: ResultFolder) -> None:
    """Raise `TextgenError` if a folder is a link, or contains a file that textgen does not write there."""
    if found.path.is_symlink() or not found.path.name:
        raise TextgenError(f"{str(found.path)!r} is not a folder of its own; remove it yourself")
    for file in sorted(_files(found.path)):
        is_leftover = any(part.startswith(".") for part in file.parts)  # of a process that was killed
        if not is_leftover and not belongs(found.kind, file):
            raise TextgenError(
                f"{str(found.path)!r} also contains {str(file)!r}, which textgen did not write; "
                "move it away, or remove the folder yourself"
            )


def remove(found: ResultFolder) -> None:
    """Remove a folder of results, which cannot be taken for one any more if that is interrupted."""
    check_removable(found)
    doomed = found.path.with_name(f".{found.path.name}.removed")
    found.path.rename(doomed)
    shutil.rmtree(doomed)
    if doomed.parent.name == RUNS_OF_BENCH:  # or the usual root, which has the same name
        with contextlib.suppress(OSError):  # there are others
            doomed.parent.rmdir()


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """Yield what is not a folder in a folder and its subfolders; links are not followed."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield PurePosixPath(path.relative_to(folder).as_posix())
