"""Partial runs: what an interrupted run leaves on disk, and how the next attempt continues from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from textgen.contracts import TextgenError
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import MANIFEST, SavedRun, save_run
from textgen.runtime.storage.files import NotSavedError, make_folder, remove_unfinished
from textgen.runtime.storage.locks import LOCK, is_held, locked
from textgen.training.progress import Report, ignore_report


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C in a training run that can go on from a checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        """The folder that the run was made for."""


def run_and_save(
    experiment: Experiment,
    folder: Path,
    report: Report = ignore_report,
    train_first: Callable[[Path], object] | None = None,
) -> SavedRun:
    """Make a run and save it in `folder`, from the checkpoints of an earlier attempt if there are any.

    `train_first` is called with the folder of checkpoints, and leaves the weights there if others train them.
    Until it is complete, its checkpoints are in `FOLDER.partial`, which is locked: a second process waits.
    Raises `TextgenError` if there is something in `folder` then, and `NotSavedError` with the run if the disk
    is full; then its checkpoints are kept, so that it is not trained again.
    """
    make_folder(folder.parent)
    remove_unfinished(folder.parent)
    with locked_run(folder) as checkpoints:
        check_new(folder)
        if train_first is not None:
            train_first(checkpoints)
        run = experiment.run(report, checkpoints)
        try:
            save_run(folder, run)
        except (OSError, SafetensorError) as error:
            raise NotSavedError(folder, error, run) from error
        shutil.rmtree(checkpoints, ignore_errors=True)
        return run


def check_new(folder: str | Path | None) -> None:
    """Raise `TextgenError` if there is something in the folder of a new run."""
    if folder is None:
        return
    path = Path(folder)
    discard_outlived(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise TextgenError(f"{str(path)!r} exists already; choose another folder (--out)")


def discard_outlived(folder: Path) -> None:
    """Remove the checkpoints of a complete run, which are there if it was killed right after it was saved."""
    partial = partial_folder(folder)
    if (folder / MANIFEST).exists() and not is_held(partial / LOCK):
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
    has_none = not any(partial.glob("*/*"))
    if has_none:
        shutil.rmtree(partial, ignore_errors=True)
    return has_none


def partial_folder(folder: Path) -> Path:
    """Return where the checkpoints of the run in `folder` are while it is not complete."""
    return folder.with_name(f"{folder.name}.partial")
