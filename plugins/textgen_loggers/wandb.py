"""Logs for Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from textgen_loggers.libraries import PROJECT, library


class Wandb:
    """Runs in the folder `wandb` next to the run; only `WANDB_MODE=online` sends anything."""

    def __init__(self) -> None:
        self._library = library("wandb", "wandb")

    def open(self, folder: Path) -> None:
        """Begin a run, offline unless the environment says otherwise."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        mode = os.environ.get("WANDB_MODE", "offline")
        self._run = self._library.init(project=PROJECT, name=folder.name, dir=str(folder.parent), mode=mode)

    def log(self, values: Mapping[str, float], update: int) -> None:
        """Log all values at once."""
        self._run.log(dict(values), step=update)

    def close(self, succeeded: bool) -> None:
        """End the run as finished or failed."""
        self._run.finish(exit_code=0 if succeeded else 1)

    def command(self, folder: Path) -> str:
        """Return the command that sends what was logged offline."""
        return f"wandb sync {folder.parent}/wandb/offline-run-*, which sends it"
