"""What training chooses by the updates that a budget allows."""

from __future__ import annotations

import pytest

from textgen.training.train_options import LONGEST_SEQUENCE, SHORTEST_SEQUENCE, Schedule, TrainOptions


def test_few_updates_get_a_higher_rate_and_a_shorter_memory() -> None:
    schedule = Schedule(TrainOptions())
    peaks = [schedule.peak(number) for number in (10, 100, 1000, 10_000, 100_000)]
    rates, momenta = [peak.learning_rate for peak in peaks], [peak.momentum for peak in peaks]
    assert rates == sorted(rates, reverse=True)
    assert momenta == sorted(momenta)
    assert rates[0] > 10 * rates[-1]


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
