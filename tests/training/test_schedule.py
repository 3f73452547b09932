"""What training chooses by the updates that a budget allows."""

from __future__ import annotations

import pytest

from textgen.training.train_options import LONGEST_SEQUENCE, SHORTEST_SEQUENCE, Schedule, TrainOptions


@pytest.mark.parametrize(("num_updates", "expected"), [(1, 16), (75, 16), (120, 24), (150, 32), (9000, 32)])
@pytest.mark.parametrize("fraction", [0.01, 0.5, 1.0])
def test_few_updates_get_short_sequences(num_updates: int, expected: int, fraction: float) -> None:
    num_steps = round(num_updates * LONGEST_SEQUENCE * fraction)
    assert Schedule(TrainOptions()).sequence_length(fraction, num_steps) == expected


@pytest.mark.parametrize("length", [1, 8, 100])
def test_a_given_sequence_length_stays(length: int) -> None:
    schedule = Schedule(TrainOptions(sequence_length=length))
    assert [schedule.sequence_length(fraction, 3) for fraction in (0.0, 0.1, 1.0)] == [length] * 3


def test_training_starts_with_short_sequences() -> None:
    assert Schedule(TrainOptions()).sequence_length(0.0, 0) == SHORTEST_SEQUENCE
