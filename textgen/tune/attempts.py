"""Attempts at one trial, of which each but the last ended with its process."""

from __future__ import annotations

from optuna.trial import FrozenTrial, Trial

MAX_ATTEMPTS = 5
"""A trial that has taken this many processes down, each before it came any further, counts as failed."""


def is_given_up(trial: FrozenTrial) -> bool:
    """Return whether a trial whose process is gone has taken too many down."""
    return attempt(trial) >= MAX_ATTEMPTS and len(trial.intermediate_values) <= len(carried(trial))


def attempt(trial: FrozenTrial) -> int:
    """Return how many processes have tried it since it last came any further."""
    number: int = trial.user_attrs.get("attempt", 1)
    return number


def carried(trial: Trial | FrozenTrial) -> dict[int, float]:
    """Return what earlier attempts at a trial have reported: the score by percentage of the budget."""
    return {int(percent): value for percent, value in sorted(trial.user_attrs.get("curve", {}).items())}
