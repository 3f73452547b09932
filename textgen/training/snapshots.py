"""Snapshots of a training run: the weights at each validation, to show what the model wrote at that point."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.nn.weights import weights_of
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import remove_unfinished
from textgen.runtime.storage.state_files import load_state, save_state
from textgen.training.checkpoints import DAMAGE
from textgen.training.progress import Progress

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
            others = f"has those after {', '.join(map(str, known))}" if known else "keeps no snapshots"
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
