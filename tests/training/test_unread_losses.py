"""Losses that are read after several updates, as on a GPU: training ends with the same bits.

That a GPU does not wait for each update cannot be tested on a CPU; what becomes of the losses can.
"""

from __future__ import annotations

from typing import Any

from helpers.training import CPU, equal, lstm, run, trainer, unread, weights
from textgen.contracts import TokenIds
from textgen.training.budget import parse_budget
from textgen.training.loop import train
from textgen.training.validation import Validation


def test_losses_are_read_in_order(ids: TokenIds) -> None:
    each, together = trainer(ids[:1000]), unread(trainer(ids[:1000]))
    expected = [each.update(number / 10) for number in range(5)]
    for number in range(5):
        together.start_update(number / 10)
    assert together.read_losses() == expected
    assert together.read_losses() == []


def test_the_first_loss_is_read_at_once_and_later_ones_at_the_pace_of_updates(ids: TokenIds) -> None:
    made = trainer(ids[:1000])
    made.max_unread_seconds = 1.0
    made.update(0.1)
    made.seconds = 0.4  # per update, those to come included
    found = []
    for number in range(2, 6):
        made.start_update(0.1)
        made.seconds = 0.4 * number
        found.append(made.is_reading_due)
    assert found == [False, False, True, True]
    fresh = unread(trainer(ids[:1000]))
    fresh.start_update(0.1)
    assert fresh.is_reading_due


def test_the_result_is_that_of_reading_each(ids: TokenIds) -> None:
    def trained(reads_each: bool) -> Any:
        made = trainer(ids[:1500], model=lstm(dropout=0.3))
        validate = Validation(made.model, [ids[1500:2000]], 500, CPU)
        budget = parse_budget("2560chars")  # 20 updates
        result = train(made if reads_each else unread(made), budget, 1.0, validate)
        curve = [(at.num_updates, at.train_bits_per_char, at.validation_bits_per_char) for at in result.curve]
        return curve, result.best_update, weights(made.model.module)

    (curve, best_update, found), expected = trained(False), trained(True)
    assert (curve, best_update) == expected[:2]
    assert equal(found, expected[2])


def test_the_wait_for_losses_is_training_time(ids: TokenIds) -> None:
    result = run(unread(trainer(ids[:1000])), "0.1s")
    assert result.seconds >= 0.1
    assert result.curve[-1].fraction >= 1
