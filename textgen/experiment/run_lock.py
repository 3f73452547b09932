"""The lock of a run while it is made, and what an interrupted run leaves on disk for the next attempt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textgen.runtime.storage.files import remove_unfinished
from textgen.runtime.storage.result_folders import LOCK, RUN_FILE, is_held, locked
from textgen.training.checkpoints import SNAPSHOTS

TRAINED = "trained"
"""The folder among the checkpoints of a run in which an entry is kept until it is scored."""


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C in a training run that can be resumed from a checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        """The folder that the run was made for."""


def discard_outlived(folder: Path) -> None:
    """Remove the checkpoints of a complete run, which are there if it was killed right after it was saved."""
    if (folder / RUN_FILE).exists() and not is_held((partial := partial_folder(folder)) / LOCK):
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def locked_run(folder: Path) -> Iterator[Path]:
    """Lock an unfinished run and yield the folder of its checkpoints; it goes if the run fails without one.

    Raises `RunInterruptedError` for Ctrl-C after one.
    """
    partial = partial_folder(folder)
    with locked(partial, folder):
        try:
            yield partial
        except BaseException as error:
            if isinstance(error, Exception):  # of what is trained, the score has failed
                shutil.rmtree(partial / TRAINED, ignore_errors=True)
            if not discard_unfinished(folder) and isinstance(error, KeyboardInterrupt):
                raise RunInterruptedError(folder) from None
            raise
    with suppress(OSError):  # of another process, which has begun meanwhile
        partial.rmdir()


def discard_unfinished(folder: Path) -> bool:
    """Remove what a run that failed or was killed leaves, but for checkpoints; return whether it has none."""
    partial = partial_folder(folder)
    for place in (folder.parent, *partial.glob("*/")):
        remove_unfinished(place)
    has_none = all(path.parent.name == SNAPSHOTS for path in partial.glob("*/*"))
    if has_none:
        shutil.rmtree(partial, ignore_errors=True)
    return has_none


def begun_copies(partial: Path | None) -> int | None:
    """Return the number of copies that was chosen before a run was interrupted; None without checkpoints.

    Their folders have it in their names (`Entry.members`), unless it is one.
    """
    begun = [folder.name.rpartition("of")[2] for folder in partial.glob("*/")] if partial else []
    return max((int(number) if number.isdecimal() else 1 for number in begun), default=None)


def partial_folder(folder: Path) -> Path:
    """Return where the checkpoints of the run in `folder` are while it is not complete."""
    return folder.with_name(f"{folder.name}.partial")
