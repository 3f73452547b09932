"""Logs of training for the programs that people watch it with; all get the same names and send nothing.

Each is imported only if it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError
from textgen.training.progress import Progress, Report, Step

PROJECT = "textgen"
"""The project or experiment in which runs are logged."""

Write = Callable[[Mapping[str, float], int], None]
"""Called with values by their names, and the number of the update."""


def check_log(log: str | None) -> None:
    """Raise `TextgenError` unless this kind of log can be written."""
    if log is None:
        return
    if log not in LOGS:
        raise UsageError(f"log must be {', '.join(LOGS)}, not {log!r}")
    try:
        import_module(LOGS[log].module)
    except ImportError as error:
        raise TextgenError(f'log {log} is not installed; run: pip install "textgen-bench[{log}]"') from error


@contextmanager
def training_log(log: str | None, run: Path, tell: Report) -> Iterator[Report]:
    """Yield `tell`, which then also logs the progress of a run, which is later saved in the folder `run`.

    The log is in another folder, since a run's own is written all at once: of `runs/a` it is in
    `runs/tensorboard/a`. It is kept if training fails.
    """
    if log is None:
        yield tell
        return
    with LOGS[log].opened(run) as write:

        def told_and_written(step: Step) -> None:
            tell(step)
            if step.progress is not None and (values := _values(step.progress)):
                write(values, step.progress.num_updates)

        yield told_and_written


def how_to_look(log: str, run: Path) -> str:
    """Return the command that shows a log."""
    return LOGS[log].look.format(folder=run.parent)


def _values(progress: Progress) -> dict[str, float]:
    values = {
        "bits_per_char/training": progress.train_bits_per_char,
        "bits_per_char/validation": progress.validation_bits_per_char,
        "learning_rate": progress.learning_rate,
    }
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _tensorboard(run: Path) -> Iterator[Write]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run.parent / "tensorboard" / run.name)) as writer:

        def write(values: Mapping[str, float], update: int) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, update)

        yield write


@contextmanager
def _trackio(run: Path) -> Iterator[Write]:
    """Log to trackio's own folder, from which its page reads."""
    trackio: Any = import_module("trackio")
    trackio.init(project=PROJECT, name=run.name, embed=False)
    try:
        yield lambda values, update: trackio.log(dict(values), step=update)
    finally:
        trackio.finish()


@contextmanager
def _mlflow(run: Path) -> Iterator[Write]:
    """Log to a database next to the run, or to what `MLFLOW_TRACKING_URI` names."""
    mlflow: Any = import_module("mlflow")
    run.parent.mkdir(parents=True, exist_ok=True)
    local = f"sqlite:///{(run.parent / 'mlflow.db').absolute()}"
    client = mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", local))
    experiment = client.get_experiment_by_name(PROJECT)
    number = experiment.experiment_id if experiment else client.create_experiment(PROJECT)
    logged, status = client.create_run(number, run_name=run.name).info.run_id, "FAILED"

    def write(values: Mapping[str, float], update: int) -> None:
        for name, value in values.items():
            client.log_metric(logged, name, value, step=update)

    try:
        yield write
        status = "FINISHED"
    finally:
        client.set_terminated(logged, status)


@contextmanager
def _wandb(run: Path) -> Iterator[Write]:
    """Log to the folder `wandb` next to the run; only `WANDB_MODE=online` sends anything."""
    wandb: Any = import_module("wandb")
    mode = os.environ.get("WANDB_MODE", "offline")
    run.parent.mkdir(parents=True, exist_ok=True)
    with wandb.init(project=PROJECT, name=run.name, dir=str(run.parent), mode=mode) as logged:
        yield lambda values, update: logged.log(dict(values), step=update)


@dataclass(frozen=True)
class Log:
    """A kind of log."""

    module: str
    """What must be installed."""
    opened: Callable[[Path], AbstractContextManager[Write]]
    """Open the log of a run, which is later saved in this folder."""
    look: str
    """The command that shows it, with `{folder}` for that of the runs."""


LOGS = {
    "tensorboard": Log("torch.utils.tensorboard", _tensorboard, "tensorboard --logdir {folder}/tensorboard"),
    "trackio": Log("trackio", _trackio, f"trackio show --project {PROJECT}"),
    "mlflow": Log("mlflow", _mlflow, "mlflow ui --backend-store-uri sqlite:///{folder}/mlflow.db"),
    "wandb": Log("wandb", _wandb, "wandb sync {folder}/wandb/offline-run-*, which sends it"),
}
"""The kinds of logs by their names, which are also those of the extras."""
