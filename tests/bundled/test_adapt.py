"""The layer that is trained while it reads follows its formula, and learns where that helps."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from helpers.models import Small
from helpers.scoring import CPU
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import seeded
from textgen_models.refinements.adapt import EXPONENT_RATE, FIRST_SQUARE, RATES, Adapt

SIZE = 4
REPETITIVE = np.tile([0, 1, 2, 3, 2, 1], 60)
CHANCE = np.random.default_rng(0).integers(0, SIZE, 360)


def adapting(rate: float, longest: int = 0) -> tuple[LanguageModel, Adapt]:
    """A small model, and one that adapts above it."""
    with seeded(0, CPU):
        base = LanguageModel(Small(SIZE).eval(), SIZE)
    model = Adapt(SIZE, base=base, longest=longest).eval()
    model.rate.fill_(rate)
    return base, model


def nats(model: LanguageModel | Adapt, ids: np.ndarray) -> float:
    """The mean loss of a text."""
    tokens = torch.from_numpy(ids)[None]
    with torch.inference_mode():
        logits, _ = model.forward(tokens, model.initial_state(1))
    predicted = logits[0, :-1].log_softmax(-1)
    return float(-predicted.gather(1, tokens[0, 1:, None]).mean())


def test_it_follows_the_formula() -> None:
    base, model = adapting(0.2)
    tokens = torch.from_numpy(CHANCE[:40])[None]
    with torch.no_grad():
        below = base.forward(tokens, base.initial_state(1))[0][0].log_softmax(-1).double()
        found = model.forward(tokens, model.initial_state(1))[0][0].double()
    weights = torch.zeros(SIZE, dtype=torch.float64, requires_grad=True)
    exponent = torch.zeros((), dtype=torch.float64, requires_grad=True)
    squares = [FIRST_SQUARE, FIRST_SQUARE]
    for time, token in enumerate(tokens[0].tolist()):
        if time:
            expected = ((1 + exponent) * below[time - 1] + weights).log_softmax(-1)
            assert found[time - 1].numpy() == pytest.approx(expected.detach().numpy(), abs=1e-5)
            gradients = torch.autograd.grad(-expected[token], (weights, exponent))
            news = (float(each.square().sum()) for each in gradients)
            squares = [before + new for before, new in zip(squares, news, strict=True)]
            with torch.no_grad():
                weights -= 0.2 * gradients[0] / squares[0] ** 0.5
                exponent -= EXPONENT_RATE * 0.2 * gradients[1] / squares[1] ** 0.5


@pytest.mark.parametrize("longest", [0, 1, 3])
def test_it_learns_what_comes_back(longest: int) -> None:
    base, model = adapting(0.1, longest)
    gain = nats(base, REPETITIVE) - nats(model, REPETITIVE)
    assert gain > (0.3 if longest else 0.02)


def test_it_learns_only_where_that_helps_on_held_out_text() -> None:
    _, model = adapting(0.1, 2)
    model.fit_held_out([CHANCE, CHANCE[::-1].copy()])
    on_chance = float(model.rate)
    model.fit_held_out([REPETITIVE, REPETITIVE[7:]])
    assert on_chance < float(model.rate) == pytest.approx(RATES[-1])


def test_a_rate_of_0_leaves_the_predictions_as_they_are() -> None:
    base, model = adapting(0.0, 2)
    assert nats(model, CHANCE) == nats(base, CHANCE)


@pytest.mark.parametrize("longest", [0, 2])
def test_all_strings_of_a_length_have_a_probability_of_1_in_sum(longest: int) -> None:
    _, model = adapting(0.2, longest)
    strings = torch.tensor(list(product(range(SIZE), repeat=4)))
    tokens = torch.cat((torch.tensor([0, 1, 0, 1]).expand(len(strings), -1), strings), 1)
    with torch.inference_mode():
        predicted, _ = model.forward(tokens[:, :-1], model.initial_state(len(tokens)))
    likelihoods = predicted[:, 3:].gather(-1, strings[..., None]).sum((1, 2))
    assert float(likelihoods.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_another_order_and_division_of_the_stretches_give_the_same_bits() -> None:
    _, adapt = adapting(0.2, 2)
    model, start = LanguageModel(adapt, SIZE), np.zeros(1, np.int64)
    texts = [CHANCE[:100], REPETITIVE[:70], CHANCE[150:280]]
    together, backwards = (
        [each.bits for each in score_stretches(model, ["a"] * 3, order, start, device=CPU, chunk=chunk)]
        for order, chunk in ((texts, 7), (texts[::-1], 100))
    )
    for one, other in zip(together, backwards[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-4)
