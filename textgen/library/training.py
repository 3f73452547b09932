"""Training of one entry: options that have no effect, and logs.

Logs are written by plugins of the kind `logger`: `textgen train --log NAME`.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError

from textgen.contracts import Logger, TextgenWarning
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import partial_folder
from textgen.experiment.saved_run import SavedRun, names_run, save_run
from textgen.jobs.kept import run_and_save
from textgen.library.corpus import check_text
from textgen.library.options import Refuse, check_cluster
from textgen.registry.options import build
from textgen.registry.registry import describe_error
from textgen.requests import TrainRequest
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError
from textgen.training.budget import check_is_text
from textgen.training.progress import Progress, Report, Step


def check_train(request: TrainRequest, refuse: Refuse) -> None:
    """Refuse options of training without effect; raises `UsageError` for a run without an addition."""
    entry, budget = request.entry, request.budget
    check_is_text(budget)
    check_cluster(request, "training", refuse)
    check_text(request.text, refuse)
    if budget.startswith("+"):
        new = ["corpus", "clean", "split", "max_chars", "encoding", "seed", "log", "snapshots"]
        refuse(new, f"on {entry!r}, a run whose training continues")
    elif names_run(entry):
        try:
            refuse(["corpus"], "")
        except UsageError:  # it is given
            return
        how = "--budget +2m adds to its training, --corpus FILE starts from it on another text"
        raise UsageError(f"{entry!r} is a run: {how}")
    elif (parsed := parse_entry(entry)) and not parsed.is_trainable:
        reason = f"on the model {parsed.parts['model']!r}, which is not trained by gradient descent"
        refuse(["budget", "precision", "log", "snapshots"], reason)


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


def build_logger(log: str | None) -> Logger | None:
    """Return the logger of this name, or None; raises `TextgenError` if it is unknown or cannot log."""
    logger: Logger | None = None if log is None else build("logger", log)
    return logger


@contextmanager
def logged(logger: Logger | None, run: Path, tell: Report) -> Iterator[Report]:
    """Yield `tell`, which then also logs the progress of a run, which is later saved in the folder `run`.

    The log is kept if training fails. Once it is open, errors of the logger do not end training: the first
    one is a warning.
    """
    if logger is None:
        yield tell
        return
    logger.open(run)
    has_failed, succeeded = False, False

    def tried(method: Callable[..., object], *arguments: Any) -> None:
        nonlocal has_failed
        try:
            method(*arguments)
        except (Exception, SystemExit) as error:
            if not has_failed:
                problem = f"{describe_error(error)}; training goes on without this log"
                warnings.warn(problem, TextgenWarning, stacklevel=2)
            has_failed = True

    def told_and_logged(step: Step) -> None:
        tell(step)
        if not has_failed and step.progress is not None and (values := _values(step.progress)):
            tried(logger.log, values, step.progress.num_updates)

    try:
        yield told_and_logged
        succeeded = True
    finally:
        tried(logger.close, succeeded)


def how_to_look(log: str, run: Path) -> str:
    """Return the command that shows the log of a run."""
    return str(build("logger", log).command(run))


def _values(progress: Progress) -> dict[str, float]:
    values = {
        "bits_per_char/training": progress.train_bits_per_char,
        "bits_per_char/validation": progress.validation_bits_per_char,
        "learning_rate": progress.learning_rate,
    }
    return {name: value for name, value in values.items() if value is not None}
