"""Checkpoints of the last two states of training, and snapshots of the weights at each validation.

Training continues from a checkpoint to the bit: with the weights, the state of the optimizers, the place in
the text and the random state. Snapshots show what the model wrote at that point.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.nn.weights import weights_of
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import remove_unfinished
from textgen.runtime.storage.json_records import from_values, to_values
from textgen.runtime.storage.state_files import load_state, save_state
from textgen.training.progress import Progress, TrainResult

MIN_SECONDS = 10.0
"""The least time between two checkpoints."""
MAX_SHARE = 0.01
"""The largest share of the time that writing them takes, measured on the last one."""
INTERVAL = "TEXTGEN_CHECKPOINT_SECONDS"
"""Environment variable with the seconds between two checkpoints, instead of both limits."""
FINISHED = "finished"
NUM_KEPT = 2
"""An older one is removed when a newer one is complete."""
DAMAGE = (OSError, ValueError, LookupError, TypeError, SafetensorError)
"""Errors of reading a checkpoint that was cut or changed."""


def _given_interval() -> float | None:
    given = os.environ.get(INTERVAL)
    if given is None:
        return None
    with suppress(ValueError):
        if (seconds := float(given)) >= 0:  # not NaN
            return seconds
    raise TextgenError(f"{INTERVAL}={given!r}: give a number of seconds, such as 60")


@dataclass
class Checkpoints:
    """The checkpoints in a folder, which they share with nothing else."""

    folder: Path
    interval: float | None = field(default_factory=_given_interval)
    """Seconds between two checkpoints; None: from the limits above."""
    identity: str = ""
    """Identity of the run: checkpoints of another one, perhaps of a second command, are ignored."""
    _last: float = field(default_factory=time.monotonic)
    """The time when the last one was written, or training began."""
    _cost: float = 0.0
    """The seconds that writing the last one took."""

    def latest(self) -> Any:
        """Return the newest state that can be read; None without one."""
        remove_unfinished(self.folder)
        for path in reversed(self._paths()):
            try:
                checkpoint = load_state(path)
                if checkpoint["identity"] == self.identity:
                    return checkpoint["state"]
            except DAMAGE:
                continue  # the one before it is whole
        return None

    def is_due(self) -> bool:
        interval = max(MIN_SECONDS, self._cost / MAX_SHARE) if self.interval is None else self.interval
        return time.monotonic() - self._last >= interval

    def try_to_save(self, state: Callable[[], Any]) -> None:
        """Write a checkpoint; one that cannot be written is left out."""
        start = time.monotonic()
        try:
            self.save(state())
        except (OSError, SafetensorError):
            remove_unfinished(self.folder)  # training continues; a full disk costs only its checkpoints
        self._last = time.monotonic()
        self._cost = self._last - start

    def save(self, state: Any) -> None:
        """Write a checkpoint, then remove all but the newest ones."""
        paths = self._paths()
        number = 1 + (_number(paths[-1]) if paths else 0)
        checkpoint = {"identity": self.identity, "state": state}
        save_state(self.folder / f"checkpoint-{number:06}", checkpoint)
        for path in self._paths()[:-NUM_KEPT]:
            shutil.rmtree(path, ignore_errors=True)

    def finish(self, result: TrainResult, weights: Mapping[str, Tensor]) -> None:
        """Keep the result and the weights of a training run that is over, instead of its checkpoints."""
        try:
            shutil.rmtree(self.folder / FINISHED, ignore_errors=True)  # of another run
            values = {"result": to_values(result), "weights": dict(weights), "identity": self.identity}
            save_state(self.folder / FINISHED, values)
        except (OSError, SafetensorError):
            return  # the last checkpoint is near enough
        for path in self._paths():
            shutil.rmtree(path, ignore_errors=True)

    def finished(self) -> tuple[TrainResult, dict[str, Tensor]] | None:
        """Return the result and the weights of a training run that is over; None if it is not."""
        try:
            state = load_state(self.folder / FINISHED)
            if state["identity"] != self.identity:
                return None
            return from_values(TrainResult, state["result"]), state["weights"]
        except DAMAGE:
            return None

    def _paths(self) -> list[Path]:
        """Return the checkpoints, the oldest first."""
        names = (
            path for path in self.folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name)
        )
        return sorted(names, key=_number)


def _number(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def get_random_state(device: torch.device) -> list[Tensor]:
    """Return the states of torch's global generators: the CPU's, and that of a GPU."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def restore_random_state(states: list[Tensor], device: torch.device) -> None:
    """Set torch's global generators to states of `get_random_state`."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the state of each parameter and the settings of each group, in order.

    `Optimizer.state_dict` would do, but loading it changes the type of what is not of its parameter's type.
    """
    groups = optimizer.param_groups
    return {
        "groups": [{name: value for name, value in group.items() if name != "params"} for group in groups],
        "parameters": [dict(optimizer.state.get(each, {})) for group in groups for each in group["params"]],
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Let an optimizer continue from a state of `optimizer_state`."""
    for group, settings in zip(optimizer.param_groups, state["groups"], strict=True):
        group.update(settings)
    groups = [(group, each) for group in optimizer.param_groups for each in group["params"]]
    optimizer.state.clear()
    for (group, parameter), values in zip(groups, state["parameters"], strict=True):
        # A step count is on the CPU, unless a fused kernel counts.
        counts_there = group.get("fused") or group.get("capturable")
        if values:
            optimizer.state[parameter] = {
                name: value.to(parameter.device)
                if isinstance(value, Tensor) and (value.ndim or counts_there)
                else value
                for name, value in values.items()
            }


SNAPSHOTS = "snapshots"
"""The folder with them, of a run or among its checkpoints."""


@dataclass(frozen=True)
class Snapshots:
    """Weights of the model that is trained, each in a folder named after the updates before them."""

    folder: Path
    earlier_updates: int = 0
    """Updates of the run that is continued."""

    def keep(self, module: nn.Module, num_updates: int) -> None:
        """Write the weights after this many updates; if that is not possible, there are none of then."""
        path = self._path(self.earlier_updates + num_updates)
        shutil.rmtree(path, ignore_errors=True)  # of an attempt that was killed
        try:
            save_state(path, weights_of(module))
        except (OSError, SafetensorError):
            remove_unfinished(self.folder)

    def kept(self, curve: Sequence[Progress]) -> tuple[Progress, ...]:
        """Return the points of a curve whose weights are kept."""
        return tuple(point for point in curve if self._path(point.num_updates).is_dir())

    def copy(self, to: Path, curve: Sequence[Progress]) -> None:
        """Copy the weights at the points of a curve, and not those that a killed attempt has left."""
        for point in self.kept(curve):
            path = self._path(point.num_updates)
            shutil.copytree(path, to / path.name)

    def load(self, num_updates: int, curve: Sequence[Progress]) -> dict[str, Tensor]:
        """Return the weights after this many updates.

        Raises `TextgenError` if they were not kept, or have changed since.
        """
        run, known = str(self.folder.parent), [point.num_updates for point in self.kept(curve)]
        if num_updates not in known:
            others = f"has snapshots at {', '.join(map(str, known))}" if known else "has no snapshots"
            raise TextgenError(f"no weights after {num_updates} updates: run {run!r} {others}")
        try:
            weights: dict[str, Tensor] = load_state(self._path(num_updates))
        except DAMAGE as error:
            reason = one_line(error, with_type=False)
            raise TextgenError(
                f"snapshot {num_updates} of run {run!r} is damaged ({reason}); the run itself is not"
            ) from error
        return weights

    def _path(self, num_updates: int) -> Path:
        return self.folder / f"{num_updates:06}"
