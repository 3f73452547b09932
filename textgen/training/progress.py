"""Progress and result of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Progress:
    """Progress of a training run."""

    fraction: float
    """Share of the budget that is spent."""
    seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    train_bits_per_char: float
    """Running average of the training loss."""
    validation_bits_per_char: float | None = None
    """Only right after a validation."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """Result of a training run; the model holds its best weights."""

    seconds: float
    """Training alone, without validation."""
    validation_seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    chars_per_second: float
    best_update: int
    """The update with the best validation score."""
    curve: tuple[Progress, ...] = ()
    """Progress at each validation."""


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called after each update."""

Report: TypeAlias = Callable[[str, Progress | None], None]
"""Called with the name of the current step and, in training, its progress."""


def ignore_progress(progress: Progress) -> None:
    """Do nothing: the default for `OnProgress`."""


def ignore_report(step: str, progress: Progress | None) -> None:
    """Do nothing: the default for `Report`."""
