"""Logs for MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from textgen_loggers.libraries import PROJECT, library


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
        """Log each value as a metric."""
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=update)

    def close(self, succeeded: bool) -> None:
        """End the run as finished or failed."""
        self._client.set_terminated(self._run, "FINISHED" if succeeded else "FAILED")

    def command(self, folder: Path) -> str:
        """Return the command that serves the page of the database."""
        return f"mlflow ui --backend-store-uri sqlite:///{folder.parent}/mlflow.db"
