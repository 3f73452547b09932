"""Training: it learns, repeats bit by bit and keeps its best weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers.training import CPU, OPTIONS, Counting, equal, lstm, run, trainer, unread, weights
from textgen.contracts import TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.training.budget import parse_budget
from textgen.training.loop import train
from textgen.training.validation import Validation


@pytest.mark.slow
def test_training_learns_real_text(ids: TokenIds) -> None:
    model, held_out = lstm(hidden_size=64), ids[-3000:]

    validate = Validation(LanguageModel(model, 100), [held_out], len(held_out), CPU)

    before = validate()
    result = run(trainer(ids[:-3000], model=model), "30kchars", validate)
    frequencies = np.bincount(ids) / len(ids)
    entropy = -sum(p * math.log2(p) for p in frequencies if p)
    bits = [point.validation_bits_per_char or 0 for point in result.curve]
    assert before > 6
    assert bits[-1] < entropy - 0.5  # more than the frequencies of characters
    assert len(bits) == 10
    assert bits == sorted(bits, reverse=True)
    assert validate() == pytest.approx(bits[-1])
    assert result.curve[-1].train_bits_per_char < result.curve[0].train_bits_per_char
    assert not model.training


def test_a_seed_determines_every_bit(ids: TokenIds) -> None:
    results = []
    for seed in (0, 0, 1):
        training = trainer(ids[:2000], seed, model=lstm(0, dropout=0.3))
        run(training, "1epoch")
        results.append(weights(training.model.module))
    assert equal(results[0], results[1])
    assert not equal(results[0], results[2])


def test_training_leaves_the_global_random_state_alone(ids: TokenIds) -> None:
    before = torch.get_rng_state(), repr(np.random.get_state(legacy=False))
    run(trainer(ids[:1000], model=lstm(dropout=0.5)), "1epoch")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert repr(np.random.get_state(legacy=False)) == before[1]


def test_the_best_weights_on_validation_are_kept(ids: TokenIds) -> None:
    training = trainer(ids[:1000])
    scores: Iterator[float] = iter([3.0, 1.0, 2.0, 1.0, 1.5, 4.0, 4.0])
    seen = []

    def validate() -> float:
        assert not training.model.module.training
        seen.append(weights(training.model.module))
        return next(scores)

    result = run(training, "1epoch", validate)
    assert result.best_update == 2
    assert equal(weights(training.model.module), seen[1])
    assert not equal(seen[1], seen[-1])


def test_a_model_that_learns_while_it_is_validated_is_refused(ids: TokenIds) -> None:
    learner = Counting()
    learner.register_buffer("known", torch.zeros(1))

    def validate() -> float:
        learner.known += 1  # as a cache of the validation text would
        return 1.0

    with pytest.raises(TextgenError, match=r"^the model changes its weights during validation; "):
        run(trainer(ids[:1000], model=learner), "1epoch", validate)


def test_the_gradient_is_clipped(ids: TokenIds) -> None:
    class Steep(nn.Module):
        """Its loss rises by 1000 per step of its weight."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def initial_state(self, _: int) -> None:
            return None

        def loss(self, _inputs: Tensor, _targets: Tensor, state: None) -> tuple[Tensor, None]:
            self.weight.register_hook(lambda gradient: gradients.append(float(gradient)))
            return 1000 * self.weight.sum(), state

    gradients: list[float] = []
    training = trainer(ids[:1000], model=Steep())
    assert training.update(0.5) == 0  # the model's own loss
    moment = training.optimizers[0].state_dict()["state"][0]["exp_avg"]
    assert gradients == [1000]
    assert float(moment) == pytest.approx(0.1 * OPTIONS.max_grad_norm, rel=1e-4)


def test_the_state_is_carried_through_an_epoch_and_reset_for_the_next(ids: TokenIds) -> None:
    training = trainer(ids[:1000], model=Counting())
    counted = []
    for _ in range(10):
        training.update(0.5)
        [count] = training.carried["count"]
        assert not count.requires_grad
        counted.append(count.tolist())
    assert counted == [[16.0 * update] * 8 for update in [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]]


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
