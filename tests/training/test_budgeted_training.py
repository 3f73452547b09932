"""The learning rate and the validations follow the budget, and training ends with it."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest

from helpers.training import OPTIONS, run, trainer
from textgen.api import TokenIds
from textgen.training.options import TrainOptions
from textgen.training.trainer import learning_rate


def test_the_learning_rate_rises_then_falls_by_half_a_cosine() -> None:
    options = TrainOptions(learning_rate=1.0, warmup_fraction=0.2, min_lr_factor=0.1)
    rates = [learning_rate(options, fraction) for fraction in (0, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.3)]
    quarter = math.cos(math.pi / 4)
    middle = [0.55 + 0.45 * quarter, 0.55, 0.55 - 0.45 * quarter]
    assert rates == pytest.approx([0.01, 0.5, 1.0, *middle, 0.1, 0.1])


@pytest.mark.parametrize(("warmup_fraction", "first"), [(0.0, 1.0), (1.0, 0.01)])
def test_any_warmup_is_possible(warmup_fraction: float, first: float) -> None:
    options = TrainOptions(learning_rate=1.0, warmup_fraction=warmup_fraction)
    assert learning_rate(options, 0) == pytest.approx(first)
    assert all(0 < learning_rate(options, step / 10) <= 1 for step in range(12))


def test_the_rate_that_the_optimizer_gets_follows_the_budget(ids: TokenIds) -> None:
    training = trainer(ids[:5000])
    for fraction, share in ((0.05, 0.5), (0.1, 1.0), (1.0, 0.02)):
        training.update(fraction)
        rates = [group["lr"] for optimizer in training.optimizers for group in optimizer.param_groups]
        assert rates == pytest.approx([share * OPTIONS.learning_rate] * 3)


def test_a_budget_of_epochs_ends_with_an_epoch(ids: TokenIds) -> None:
    result = run(trainer(ids[:1000]), "3epochs")
    assert (result.num_epochs, result.num_updates) == (3, 3 * 7)  # of 128 tokens
    assert result.num_chars == 3 * 7 * 128


def test_a_budget_of_characters_ends_with_the_update_that_spends_it(ids: TokenIds) -> None:
    result = run(trainer(ids[:1000]), "400chars", chars_per_token=1.25)
    assert (result.num_updates, result.num_chars) == (3, 480)


def test_a_budget_of_seconds_is_spent_by_training_alone(ids: TokenIds) -> None:
    def slow_validation() -> float:
        time.sleep(0.02)
        return 1.0

    start = time.perf_counter()
    result = run(trainer(ids[:1000]), "0.1s", slow_validation)
    passed = time.perf_counter() - start
    assert result.seconds >= 0.1
    assert result.validation_seconds >= 0.02
    assert result.seconds + result.validation_seconds <= passed  # nothing is counted twice


def test_validations_are_spread_evenly_over_the_budget(ids: TokenIds) -> None:
    options = TrainOptions(batch_size=8, sequence_length=16, num_validations=3)
    result = run(trainer(ids[:1000], options=options), "3epochs")
    assert [point.num_epochs for point in result.curve] == [1, 2, 3]
    assert {point.validation_bits_per_char for point in result.curve} == {1.0}


def test_a_run_records_its_share_of_the_cores(ids: TokenIds) -> None:
    result = run(trainer(ids[:1000]), "3epochs")
    assert result.cpu_utilization is not None
    assert 0 < result.cpu_utilization < 1.1
    for utilization, disturbed in ((None, False), (0.79, True), (0.81, False)):
        assert replace(result, cpu_utilization=utilization).was_disturbed is disturbed
