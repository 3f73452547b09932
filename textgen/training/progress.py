"""Progress and result of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from textgen.training.schedule import Rates

MIN_CPU_UTILIZATION = 0.8
"""The utilization below which a training run counts as disturbed by other work."""


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
    learning_rate: float | None = None
    """Of the last update."""


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
    rates: Rates | None = None
    """The peak learning rate and the momentum, whether given or automatic; None without gradients."""
    cpu_utilization: float | None = None
    """Share of the CPU time that training wanted and got (see `CpuShare`), without validation; None on a
    GPU, and for models that are not trained by gradient."""

    @property
    def was_disturbed(self) -> bool:
        """Whether other work on the machine slowed training down."""
        return self.cpu_utilization is not None and self.cpu_utilization < MIN_CPU_UTILIZATION


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called after each update."""

Report: TypeAlias = Callable[[str, Progress | None], None]
"""Called with the name of the current step and, in training, its progress."""


def ignore_progress(progress: Progress) -> None:
    """Do nothing: the default for `OnProgress`."""


def ignore_report(step: str, progress: Progress | None) -> None:
    """Do nothing: the default for `Report`."""
