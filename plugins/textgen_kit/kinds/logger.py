"""Checks of loggers; they are skipped if the library of one is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from textgen_kit.checking import CheckSkipped, Subject, expect, reworded, shown

VALUES = {"bits_per_char/training": 2.5, "learning_rate": 0.01}


def check_logger_run(subject: Subject) -> None:
    """It logs a run whose folder does not exist yet, and writes nothing into that folder.

    Otherwise the run could not be saved there.
    """
    with new_folder() as folder:
        log_run(subject, folder, succeeded=True)
        expect(not folder.exists(), "no file where the run is saved; the logger made its folder")


def check_logger_failed_run(subject: Subject) -> None:
    """It ends the log of a run that failed before its first point.

    The error of the run would be followed by one of the logger.
    """
    with new_folder() as folder:
        log_run(subject, folder, succeeded=False, num_points=0)


def check_logger_command(subject: Subject) -> None:
    """`command` returns one line, also of an instance that has logged nothing.

    It is shown after training.
    """
    with new_folder() as folder:
        command = built(subject).command(folder)
        is_line = isinstance(command, str) and len(command.splitlines()) == 1
        expect(is_line, f"one line that shows the log; got {shown(command)}")


def log_run(subject: Subject, folder: Path, *, succeeded: bool, num_points: int = 2) -> None:
    """Log a run of a few points."""
    logger = built(subject)
    logger.open(folder)
    for update in range(1, num_points + 1):
        logger.log(VALUES, update)
    logger.close(succeeded)


def built(subject: Subject) -> Any:
    """Return a new logger; raises `CheckSkipped` if what it needs is not installed."""
    with reworded("what it needs is not available:", into=CheckSkipped):
        return subject.new()


@contextmanager
def new_folder() -> Iterator[Path]:
    """Yield the path of a folder that does not exist yet; what is next to it is removed afterwards."""
    with TemporaryDirectory() as parent:
        yield Path(parent, "run")
