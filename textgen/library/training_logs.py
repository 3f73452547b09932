"""Logs of training runs, which plugins of the kind `logger` write: `textgen train --log NAME`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgen.contracts import Logger, TextgenWarning
from textgen.registry.options import build
from textgen.registry.registry import describe_error
from textgen.training.progress import Progress, Report, Step


def build_logger(log: str | None) -> Logger | None:
    """Return the logger of this name, or None; raises `TextgenError` if it is unknown or cannot log."""
    logger: Logger | None = None if log is None else build("logger", log)
    return logger


@contextmanager
def logged(logger: Logger | None, run: Path, tell: Report) -> Iterator[Report]:
    """Yield `tell`, which then also logs the progress of a run, which is later saved in the folder `run`.

    The log is kept if training fails. Once it is open, errors of the logger do not end training: the first
    one is a warning.
    """
    if logger is None:
        yield tell
        return
    logger.open(run)
    has_failed, succeeded = False, False

    def tried(method: Callable[..., object], *arguments: Any) -> None:
        nonlocal has_failed
        try:
            method(*arguments)
        except (Exception, SystemExit) as error:
            if not has_failed:
                problem = f"{describe_error(error)}; training goes on without this log"
                warnings.warn(problem, TextgenWarning, stacklevel=2)
            has_failed = True

    def told_and_logged(step: Step) -> None:
        tell(step)
        if not has_failed and step.progress is not None and (values := _values(step.progress)):
            tried(logger.log, values, step.progress.num_updates)

    try:
        yield told_and_logged
        succeeded = True
    finally:
        tried(logger.close, succeeded)


def how_to_look(log: str, run: Path) -> str:
    """Return the command that shows the log of a run."""
    return str(build("logger", log).command(run))


def _values(progress: Progress) -> dict[str, float]:
    values = {
        "bits_per_char/training": progress.train_bits_per_char,
        "bits_per_char/validation": progress.validation_bits_per_char,
        "learning_rate": progress.learning_rate,
    }
    return {name: value for name, value in values.items() if value is not None}
