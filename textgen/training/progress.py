"""Progress and result of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    fraction: float
    seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    train_bits_per_char: float
    validation_bits_per_char: float | None = None


@dataclass
class TrainResult:
    """What a training did; the model holds its best weights."""

    seconds: float
    """Training alone, without validation."""
    validation_seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    best_update: int
    curve: list[Progress] = field(default_factory=list)
