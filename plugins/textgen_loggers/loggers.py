"""Logs of runs by TensorBoard, MLflow and Weights & Biases, each of which is an extra of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgen.runtime.messages import import_extra

PROJECT = "textgen"
"""The project or experiment in which runs are logged."""


def library(module: str, extra: str) -> Any:
    """Import and return a module; raises `TextgenError` with the name of its extra if it is not installed."""
    return import_extra(module, extra, f"log {extra} is not installed")


class TensorBoard:
    """Event files in the folder `tensorboard` next to the run."""

    def __init__(self) -> None:
        self._library = library("torch.utils.tensorboard", "tensorboard")

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


class MLflow:
    """Runs in the database `mlflow.db` next to the run, or in what `MLFLOW_TRACKING_URI` names."""

    def __init__(self) -> None:
        self._library = library("mlflow", "mlflow")

    def open(self, folder: Path) -> None:
        """Begin a run of the experiment, which is created if there is none."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        local = f"sqlite:///{(folder.parent / 'mlflow.db').absolute()}"
        self._client = self._library.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", local))
        experiment = self._client.get_experiment_by_name(PROJECT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(PROJECT)
        self._run = self._client.create_run(number, run_name=folder.name).info.run_id

    def log(self, values: Mapping[str, float], update: int) -> None:
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=update)

    def close(self, succeeded: bool) -> None:
        self._client.set_terminated(self._run, "FINISHED" if succeeded else "FAILED")

    def command(self, folder: Path) -> str:
        return f"mlflow ui --backend-store-uri sqlite:///{folder.parent}/mlflow.db"


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
        self._run.log(dict(values), step=update)

    def close(self, succeeded: bool) -> None:
        self._run.finish(exit_code=0 if succeeded else 1)

    def command(self, folder: Path) -> str:
        """Return the command that sends what was logged offline."""
        return f"wandb sync {folder.parent}/wandb/offline-run-*, which sends it"
