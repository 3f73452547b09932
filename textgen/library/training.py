"""Training of one entry: options that have no effect, processes that train together, and logs.

Logs are written by plugins of the kind `logger`: `textgen train --log NAME`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError

from textgen.contracts import Logger, TextgenWarning
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import partial_folder
from textgen.experiment.saved_run import SavedRun, names_run, save_run
from textgen.jobs.distributed import train_distributed, train_with_first
from textgen.jobs.kept import run_and_save
from textgen.library.corpus import check_text
from textgen.library.options import Refuse, check_cluster, check_numbers
from textgen.registry.options import build
from textgen.registry.registry import describe_error
from textgen.requests import TrainRequest
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError
from textgen.training import ranks
from textgen.training.budget import check_is_text
from textgen.training.progress import Progress, Report, Step
from textgen.training.rank_info import rank_info_of_torchrun
from textgen.training.ranks import LostRankError


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
        refuse(["budget", "precision", "log", "processes", "snapshots"], reason)


def use_own_gpu() -> None:
    """Let `cuda` mean the GPU that `torchrun` has given to this process, before one is chosen."""
    rank_info = rank_info_of_torchrun()
    if rank_info is not None:
        ranks.use_own_gpu(rank_info)


def num_processes(asked: int, entry: Entry, config: DeviceConfig) -> int:
    """Return the number of processes that train the entry together.

    Raises `UsageError` if they cannot, or if one is asked for under `torchrun`.
    """
    check_numbers(0, processes=asked)
    rank_info = rank_info_of_torchrun()
    number = rank_info.world_size if rank_info else asked
    source = f"torchrun has started {number} processes" if rank_info else f"processes={number}"
    if rank_info and asked > 1:
        raise UsageError(f"{source}; leave out --processes")
    if number == 1:
        return 1
    if not entry.is_trainable:
        raise UsageError(f"{source}: {entry.name!r} is not trained by gradient descent; use one process")
    device = config.device
    if device.type not in ("cpu", "cuda") or device.index is not None:
        raise UsageError(
            f"{source}: they cannot share the device {str(device)!r}; choose --device cuda or cpu"
        )
    here = rank_info.local_world_size if rank_info else number
    if device.type == "cuda" and here > torch.cuda.device_count():
        raise UsageError(
            f"{source}: each needs a GPU of its own, and this machine has {torch.cuda.device_count()}; "
            "start fewer, or choose --device cpu"
        )
    return number


def is_helper() -> bool:
    """Return whether `torchrun` started this process, and not as the first one, which saves and reports."""
    rank_info = rank_info_of_torchrun()
    return rank_info is not None and rank_info.rank > 0


def end_if_helper(experiment: Experiment) -> None:
    """Train with the first process that `torchrun` started, and end this one, unless it is the first."""
    rank_info = rank_info_of_torchrun()
    if rank_info is not None and rank_info.rank > 0 and experiment.num_processes > 1:
        try:
            train_with_first(experiment, rank_info)
        except LostRankError:  # the first process says so, and `torchrun` which one ended
            sys.exit(1)
        sys.exit(0)


def trained_and_saved(experiment: Experiment, folder: Path, tell: Report) -> SavedRun:
    """Train, score and save a run; one that cannot be saved is in the `NotSavedError`."""
    others = {}
    if experiment.num_processes > 1:
        others["train_first"] = partial(train_distributed, experiment, report=tell)
    try:
        return run_and_save(experiment, folder, tell, **others)
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
