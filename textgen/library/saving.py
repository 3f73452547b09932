"""A run that is trained, scored and saved, among temporary files if its folder has no room."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import cast

from safetensors import SafetensorError

from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import partial_folder
from textgen.experiment.saved_run import SavedRun, save_run
from textgen.jobs.kept import run_and_save
from textgen.runtime.storage.files import NotSavedError
from textgen.training.progress import Report


def trained_and_saved(experiment: Experiment, folder: Path, tell: Report) -> SavedRun:
    """Train, score and save a run; one that cannot be saved is in the `NotSavedError`."""
    try:
        return run_and_save(experiment, folder, tell)
    except NotSavedError as error:
        run = cast(SavedRun, error.result)
        if not partial_folder(folder).exists() and (kept := _saved_elsewhere(run, folder.name)):
            error.args = (f"{error}; until then the run is in {str(kept)!r}",)
        raise


def _saved_elsewhere(run: SavedRun, name: str) -> Path | None:
    """Save a run without a checkpoint among temporary files; return where, or None if there is no room."""
    elsewhere = Path(tempfile.mkdtemp(prefix="textgen-"))
    try:
        save_run(elsewhere / name, run)
    except (OSError, SafetensorError):
        shutil.rmtree(elsewhere, ignore_errors=True)
        return None
    return elsewhere / name
