"""Scalars of a training run, written while it trains, for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError
from textgen.training.progress import OnProgress, Progress, ignore_progress

TENSORBOARD = "tensorboard"
"""The kind of log, and the folder next to the runs that holds the logs of all of them."""


def check_log(log: str | None) -> None:
    """Raise `TextgenError` unless this kind of log can be written."""
    if log is None:
        return
    if log != TENSORBOARD:
        raise UsageError(f"log must be {TENSORBOARD}, not {log!r}")
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise TextgenError(
            f'log {TENSORBOARD} needs TensorBoard; run: pip install "textgen-bench[{TENSORBOARD}]"'
        ) from error


@contextmanager
def training_log(log: str | None, run: Path) -> Iterator[OnProgress]:
    """Yield a function that logs the progress of a run, which is later saved in the folder `run`.

    The log is in another folder, since a run's own is written all at once: of `runs/a` it is in
    `runs/tensorboard/a`. It is kept if training fails.
    """
    if log is None:
        yield ignore_progress
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run.parent / TENSORBOARD / run.name)) as writer:

        def write(progress: Progress) -> None:
            scalars = {
                "bits_per_char/training": progress.train_bits_per_char,
                "bits_per_char/validation": progress.validation_bits_per_char,
                "learning_rate": progress.learning_rate,
            }
            for tag, value in scalars.items():
                if value is not None:
                    writer.add_scalar(tag, value, progress.num_updates)

        yield write
