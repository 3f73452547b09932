"""The number of processes that train one model: as asked for, or as `torchrun` has started."""

from __future__ import annotations

import sys

import torch

from textgen.experiment.divided import train_with_first
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.library.arguments import check_numbers
from textgen.runtime import ranks
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError


def use_own_gpu() -> None:
    """Let `cuda` mean the GPU that `torchrun` has given to this process, before one is chosen."""
    place = ranks.place_by_environment()
    if place is not None:
        ranks.use_own_gpu(place)


def num_processes(asked: int, entry: Entry, config: DeviceConfig) -> int:
    """Return the number of processes that train the entry together.

    Raises `UsageError` if they cannot, or if one is asked for under `torchrun`.
    """
    check_numbers(0, processes=asked)
    place = ranks.place_by_environment()
    number = place.world_size if place else asked
    source = f"torchrun has started {number} processes" if place else f"processes={number}"
    if place and asked > 1:
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
    here = place.local_world_size if place else number
    if device.type == "cuda" and here > torch.cuda.device_count():
        raise UsageError(
            f"{source}: each needs a GPU of its own, and this machine has {torch.cuda.device_count()}; "
            "start fewer, or choose --device cpu"
        )
    return number


def is_helper() -> bool:
    """Return whether `torchrun` started this process, and not as the first one, which saves and reports."""
    place = ranks.place_by_environment()
    return place is not None and place.rank > 0


def end_if_helper(experiment: Experiment) -> None:
    """Train with the first process that `torchrun` started, and end this one, unless it is the first."""
    place = ranks.place_by_environment()
    if place is not None and place.rank > 0 and experiment.num_processes > 1:
        train_with_first(experiment, place)
        sys.exit(0)
