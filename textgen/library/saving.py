"""A run that is trained, scored and saved, by one process or several together."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError

from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import partial_folder
from textgen.experiment.saved_run import SavedRun, save_run
from textgen.jobs.distributed import train_distributed, train_with_first
from textgen.jobs.kept import run_and_save
from textgen.library.options import check_numbers
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError
from textgen.training import ranks
from textgen.training.progress import Report
from textgen.training.rank_info import rank_info_of_torchrun
from textgen.training.ranks import LostRankError


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
