"""The learning rate and the validations follow the budget, and training ends with it."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

import textgen
from helpers.training import OPTIONS, lstm, run, trainer
from textgen.contracts import TokenIds
from textgen.data.corpus import Corpus
from textgen.nn.layers import automatic_dropout
from textgen.training.mixture_training import combined_result
from textgen.training.optimizer import Muon
from textgen.training.progress import Moment, Progress, TrainResult
from textgen.training.schedule import Rates, Schedule, num_streams
from textgen.training.train_options import LONGEST_SEQUENCE, TrainOptions


def rates(options: TrainOptions, *fractions: float) -> list[float]:
    """The learning rates at fractions of a budget of 1000 updates."""
    return [Schedule(options).at(each, round(1000 * each)).learning_rate for each in fractions]


def test_the_learning_rate_rises_then_falls_linearly() -> None:
    options = TrainOptions(learning_rate=1.0, warmup_fraction=0.2, min_lr_factor=0.1)
    found = rates(options, 0, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.3)
    assert found == pytest.approx([0.01, 0.5, 1.0, 0.775, 0.55, 0.325, 0.1, 0.1])


def test_a_short_run_has_a_high_rate_and_a_short_memory() -> None:
    chosen = [Schedule(TrainOptions()).peak(num_updates) for num_updates in (1, 50, 200, 1000, 5000, 10**9)]
    found = [each.learning_rate for each in chosen]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[3] < found[0] <= 0.02
    momenta = [each.momentum for each in chosen]
    assert momenta == sorted(momenta)
    assert 0.5 <= momenta[0] < momenta[3] < momenta[-1] <= 0.95


def test_a_rate_or_momentum_that_is_given_wins() -> None:
    options = TrainOptions(learning_rate=0.5, momentum=0.25)
    assert Schedule(options).peak(10) == Schedule(options).peak(10_000) == Rates(0.5, 0.25)


def test_matrices_take_larger_steps_in_short_runs() -> None:
    options = TrainOptions(largest_step=2.0)
    chosen = [Schedule(options).step_of_matrices(number) for number in (1, 164, 326, 900, 10**6)]
    assert chosen == pytest.approx([2, 1.76, 1.40, 1, 1], abs=0.01)
    assert Schedule(options, chars_per_token=4.5).step_of_matrices(100) == 1
    for other in (TrainOptions(), replace(options, start="run"), replace(options, learning_rate=0.01)):
        assert Schedule(other).step_of_matrices(100) == 1
    moved = []
    for step in (1.0, 2.0):
        matrix = torch.nn.Parameter(torch.eye(4))
        matrix.grad = torch.eye(4)
        optimizer = Muon([matrix], 0.0, torch.float32, lr=0.1)
        optimizer.param_groups[0]["step"] = step
        optimizer.step()
        moved.append(1 - matrix[0, 0].item())
    assert moved[1] == pytest.approx(2 * moved[0])


def test_the_optimizers_get_the_rates_of_the_schedule(ids: TokenIds) -> None:
    training = trainer(ids[:5000], options=replace(OPTIONS, learning_rate=0.01, momentum=0.75))
    for fraction, share in ((0.01, 0.5), (0.02, 1.0), (0.51, 0.5), (1.0, 0.0)):
        training.update(fraction)
        groups = [group for optimizer in training.optimizers for group in optimizer.param_groups]
        assert [group["lr"] for group in groups] == pytest.approx([share * 0.01] * 3)
        assert [group["momentum"] for group in groups if "momentum" in group] == [0.75]
        decays = [group["weight_decay"] for group in groups]
        assert decays == pytest.approx([OPTIONS.weight_decay * (1 - fraction)] * 2 + [0.0])


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


def test_a_run_knows_after_which_share_of_its_updates_it_was_best(ids: TokenIds) -> None:
    scores = iter([1.0, 0.9, 0.95, 0.99])
    options = TrainOptions(batch_size=8, sequence_length=16, num_validations=4)
    result = run(trainer(ids[:1000], options=options), "4epochs", lambda: next(scores))
    assert (result.best_share, result.used_share) == (0.5, 1.0)
    assert result.unused == "best after 50 % of its updates"
    late = replace(result, best_share=0.9)
    assert late.unused is None
    assert combined_result([late, result, late]).unused == result.unused
    ended = combined_result([replace(late, used_share=0.2), late])
    assert ended.unused == "ended after 60 % of its budget, since more did not help"


def test_no_value_of_a_network_is_lost_in_the_result_of_its_entry() -> None:
    progress = Progress(1.0, 2.0, 30, 4.0, 500, 1.5, 1.6, 0.001)
    result = TrainResult(
        seconds=2.0,
        validation_seconds=0.5,
        num_updates=30,
        num_epochs=4.0,
        num_chars=500,
        chars_per_second=250.0,
        best_update=20,
        best_share=0.6,
        used_share=0.9,
        curve=(progress,),
        moments=(Moment(progress, "once"),),
        rates=Rates(0.01, 0.9),
        cpu_utilization=0.8,
        unevenness=0.2,
        pace_sd=0.01,
        single_thread_share=0.5,
        stopped="it diverged",
        micro_batches=2,
    )
    assert [each.name for each in fields(result) if getattr(result, each.name) == each.default] == []
    assert combined_result([result]) == result


def test_training_that_no_longer_helps_ends_early_with_the_best_weights(ids: TokenIds) -> None:
    scores = iter([1.0, 0.9, 0.8, 0.85, 0.81, 0.9])
    options = TrainOptions(batch_size=8, sequence_length=16, num_validations=10)
    result = run(trainer(ids[:1000], options=options), "10epochs", lambda: next(scores))
    assert (result.num_epochs, result.used_share, result.best_share) == (6, 0.6, 0.5)
    assert result.unused == "ended after 60 % of its budget, since more did not help"
    assert result.stopped is None


@pytest.mark.parametrize("scores", [[1.0, 0.8, 0.8, 0.8, 0.8], [1.0, 0.8, 0.9, 0.9, 0.7]])
def test_training_that_may_still_help_does_not_end_early(ids: TokenIds, scores: list[float]) -> None:
    coming = iter(scores)
    options = TrainOptions(batch_size=8, sequence_length=16, num_validations=5)
    result = run(trainer(ids[:1000], options=options), "5epochs", lambda: next(coming))
    assert (result.num_epochs, result.used_share) == (5, 1)


@pytest.mark.parametrize(("num_updates", "expected"), [(1, 16), (75, 16), (120, 24), (150, 32), (9000, 32)])
@pytest.mark.parametrize("fraction", [0.01, 0.5, 1.0])
def test_few_updates_get_short_sequences(num_updates: int, expected: int, fraction: float) -> None:
    num_steps = round(num_updates * LONGEST_SEQUENCE * fraction)
    assert Schedule(TrainOptions()).sequence_length(fraction, num_steps) == expected


def test_tokens_of_several_characters_need_fewer_updates_in_the_same_time() -> None:
    options, num_steps = TrainOptions(), 75 * LONGEST_SEQUENCE
    for is_timed, expected in ((True, LONGEST_SEQUENCE), (False, 16)):
        assert Schedule(options, 4.0, is_timed).sequence_length(1.0, num_steps) == expected


@pytest.mark.parametrize("length", [1, 8, 100])
def test_a_given_sequence_length_stays(length: int) -> None:
    schedule = Schedule(TrainOptions(sequence_length=length))
    assert [schedule.sequence_length(fraction, 3) for fraction in (0.0, 0.1, 1.0)] == [length] * 3


@pytest.mark.parametrize(
    ("num_tokens", "most", "expected"), [(1e9, 96, 96), (72_000, 96, 32), (1000, 96, 16), (72_000, 8, 8)]
)
def test_a_short_run_reads_fewer_streams(num_tokens: float, most: int, expected: int) -> None:
    assert num_streams(num_tokens, most) == expected


@pytest.mark.parametrize(("option", "expected"), [("", 50), (",batch_size=96", 8)])
def test_a_short_budget_in_characters_has_enough_updates(option: str, expected: int, tmp_path: Path) -> None:
    """Unless the entry says how many streams it reads."""
    corpus = Corpus.from_texts([" ".join(f"the cat sat on mat {number}." for number in range(3000))])
    entry, out = f"char-lstm:num_layers=1,hidden_size=8{option}", tmp_path / "run"
    trained = textgen.train(entry, corpus, budget="12kchars", out=out)
    assert trained.result.train.num_updates == pytest.approx(expected, rel=0.15)


def test_dropout_is_chosen_by_epochs_unless_it_is_given(ids: TokenIds) -> None:
    for dropout, budget, expected in ((None, "2epochs", 0.0), (0.4, "2epochs", 0.4), (None, "9epochs", 0.05)):
        model = lstm(dropout=dropout)
        run(trainer(ids[:1000], model=model), budget)
        assert model.dropout.probability == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("epochs", "per_token", "expected"),
    [(0.5, 0.1, 0), (3, 0.5, 0), (9, 0.5, 0.05), (3, 3, 0.05), (9, 3, 0.1), (1e9, 1, 0.3), (1, 0, 0)],
)
def test_what_counts_is_how_often_a_token_is_read_and_how_many_parameters_it_trains(
    epochs: float, per_token: float, expected: float
) -> None:
    assert automatic_dropout(epochs, per_token) == pytest.approx(expected)
