"""Logs of runs by TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textgen.runtime.messages import import_extra


class TensorBoard:
    """Event files in the folder `tensorboard` next to the run."""

    def __init__(self) -> None:
        self._library = import_extra(
            "torch.utils.tensorboard", "tensorboard", "log tensorboard is not installed"
        )

    def open(self, folder: Path) -> None:
        """Open a file of events in a folder that is named like the run."""
        self._writer = self._library.SummaryWriter(str(folder.parent / "tensorboard" / folder.name))

    def log(self, values: Mapping[str, float], update: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, update)

    def close(self, succeeded: bool) -> None:  # noqa: ARG002
        self._writer.close()

    def command(self, folder: Path) -> str:
        return f"tensorboard --logdir {folder.parent}/tensorboard"
