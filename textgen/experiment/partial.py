"""Partial runs: what an interrupted run leaves on disk, and how the next attempt continues from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from textgen.experiment.experiment import Experiment
from textgen.experiment.run import Run, save_run
from textgen.runtime.files import NotSavedError, make_folder, remove_unfinished, write_file
from textgen.runtime.json_records import to_json, to_values
from textgen.training.progress import Report, ignore_report

SETTINGS = "settings.json"


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C in a training run that can go on from a checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        """The folder that the run was made for."""


def run_and_save(experiment: Experiment, folder: Path, report: Report = ignore_report) -> Run:
    """Make a run and save it in `folder`, from the checkpoints of an earlier attempt if there are any.

    Until it is complete, its checkpoints are in `FOLDER.partial`. Raises `NotSavedError` with the run if the
    disk is full; then its checkpoints are kept, so that it is not trained again.
    """
    make_folder(folder.parent)
    remove_unfinished(folder.parent)
    with checkpoints_of(folder, experiment) as checkpoints:
        run = experiment.run(report, checkpoints)
    try:
        save_run(folder, run)
    except (OSError, SafetensorError) as error:
        raise NotSavedError(folder, error, run) from error
    shutil.rmtree(checkpoints, ignore_errors=True)
    return run


@contextmanager
def checkpoints_of(folder: Path, experiment: Experiment) -> Iterator[Path]:
    """Yield the folder of a run's checkpoints; those of other settings are removed.

    Without a checkpoint the folder goes if the run fails. Raises `RunInterruptedError` for Ctrl-C after one.
    """
    partial = _open(folder, experiment)
    try:
        yield partial
    except BaseException as error:
        if not any(partial.glob("*/*")):
            shutil.rmtree(partial, ignore_errors=True)
        elif isinstance(error, KeyboardInterrupt):
            raise RunInterruptedError(folder) from None
        raise


def _open(folder: Path, experiment: Experiment) -> Path:
    partial, entry = partial_folder(folder), experiment.entry
    settings = {
        "entry": {"name": entry.name, "parts": entry.parts, "options": entry.options},
        "settings": experiment.settings(),
        "start": None if experiment.start is None else experiment.start.result,
    }
    if not _holds(partial / SETTINGS, settings):
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial)
        write_file(partial / SETTINGS, to_json(settings))
    return partial


def partial_folder(folder: Path) -> Path:
    """Return where the checkpoints of the run in `folder` are while it is not complete."""
    return folder.with_name(f"{folder.name}.partial")


def _holds(path: Path, settings: object) -> bool:
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(kept == json.loads(json.dumps(to_values(settings))))
