"""Mixtures: interpolated distributions whose weights depend on the context."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers.models import assert_same_in_parts
from textgen.contracts import Vocabulary
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import (
    CONFIDENCES,
    Average,
    CombinedModel,
    MixtureModel,
    fit_mixture,
    fit_powers,
    gather_factors,
)
from textgen.nn.weights import num_parameters
from textgen.runtime.device import choose_device
from textgen_models.counting import NGram, Uniform
from textgen_models.recurrent import LSTM

VOCAB_SIZE = 7
IDS = np.random.default_rng(0).integers(0, 3, 300).repeat(2)
FALLBACK = np.arange(VOCAB_SIZE) == 2


def mixture(order: int = 3) -> MixtureModel:
    """An LSTM, counts of pairs and longer n-grams, and the uniform distribution, with random weights."""
    torch.manual_seed(0)
    modules = {
        "lstm": LSTM(VOCAB_SIZE, num_layers=2, hidden_size=8),
        "ngram": NGram(VOCAB_SIZE, order=order),
        "uniform": Uniform(VOCAB_SIZE),
    }
    members = {name: LanguageModel(module, VOCAB_SIZE) for name, module in modules.items()}
    members["ngram"].fit(IDS)
    model = MixtureModel(members, Vocabulary([*"abcdefg"], FALLBACK))
    model.mixture.set_weights(torch.rand(len(model.mixture.weights), 3).softmax(dim=1))
    model.module.eval()
    return model


@pytest.fixture
def ids() -> Tensor:
    """Text that the n-grams know in part, [3, 20]."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, 4, (3, 20)))


def test_probabilities_are_interpolated_with_the_weights_of_the_context(ids: Tensor) -> None:
    model, grid = mixture(), len(CONFIDENCES)
    with torch.inference_mode():
        found, _ = model.forward(ids, model.initial_state(3))
        parts = [member.forward(ids, member.initial_state(3))[0].softmax(-1) for member in model.members]
    by_point = model.mixture.weights.numpy().reshape(2, grid, grid, grid, 3)
    for row, column in np.ndindex(3, 20):
        here = [float(part[row, column].max()) for part in parts]
        of_text = by_point[int(FALLBACK[ids[row, column]])]
        for confidence in here:  # one axis after the other, as np.interp does along one
            place = np.interp(confidence, CONFIDENCES, range(grid))
            low = min(int(place), grid - 2)
            of_text = of_text[low] * (low + 1 - place) + of_text[low + 1] * (place - low)
        expected = sum(weight * part[row, column] for weight, part in zip(of_text, parts, strict=True))
        torch.testing.assert_close(
            found[row, column].exp(), expected, check_dtype=False, rtol=1e-4, atol=1e-5
        )
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(3, 20))


def test_chunks_rows_and_steps_predict_the_same_as_one_pass(ids: Tensor) -> None:
    model = mixture()
    assert model.has_step
    assert not model.is_step_recordable  # counts are found on the CPU
    assert_same_in_parts(model, ids)


@torch.inference_mode()
def probabilities_of(model: LanguageModel, ids: Tensor) -> Tensor:
    return model.forward(ids, model.initial_state(len(ids)))[0].softmax(-1)


def test_an_average_predicts_the_geometric_mean_of_the_probabilities(ids: Tensor) -> None:
    torch.manual_seed(0)
    modules = (LSTM(VOCAB_SIZE, num_layers=2, hidden_size=8) for _ in range(3))
    copies = [LanguageModel(module.eval(), VOCAB_SIZE) for module in modules]
    model = CombinedModel(Average(copies))
    found, _ = model.forward(ids, model.initial_state(3))
    parts = torch.stack([probabilities_of(copy, ids) for copy in copies])
    product = parts.prod(0) ** (1 / 3)
    torch.testing.assert_close(found.exp(), product / product.sum(-1, keepdim=True))
    assert parts.std(0).max() > 1e-3  # they differ
    assert model.is_normalized
    assert num_parameters(model.module) == 3 * num_parameters(copies[0].module)


CPU = choose_device("cpu")
NARROW = np.log([0.7, 0.1, 0.1, 0.1])
WIDE = np.log([0.1, 0.2, 0.3, 0.4])


class Fixed(nn.Module):
    """The same distribution everywhere; its state counts tokens."""

    is_normalized = True

    def __init__(self, log_probabilities: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("log_probabilities", torch.from_numpy(log_probabilities).float())

    log_probabilities: Tensor

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 1)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.log_probabilities.expand(*ids.shape, -1), state + ids.shape[1]


def fixed_mixture(fallback: list[bool]) -> MixtureModel:
    members = {"narrow": LanguageModel(Fixed(NARROW), 4), "wide": LanguageModel(Fixed(WIDE), 4)}
    return MixtureModel(members, Vocabulary([*"abcd"], np.array(fallback)))


def draw(weight: float, number: int, seed: int = 0) -> np.ndarray:
    """Tokens from a mixture of the two distributions."""
    probabilities = weight * np.exp(NARROW) + (1 - weight) * np.exp(WIDE)
    return np.random.default_rng(seed).choice(4, number, p=probabilities)


def test_the_weights_of_a_mixture_depend_on_whether_the_last_token_spells() -> None:
    model = fixed_mixture([False, True, False, False])
    ids = [1]
    for before, after in zip(draw(0.5, 20_000), draw(1.0, 20_000, 1), strict=True):
        ids += [1, after] if before else [before]  # after a token that spells, the narrow distribution
    fit_mixture(model.mixture, [np.array(ids)], CPU)
    weights = model.mixture.weights
    spelling = weights[len(weights) // 2 :]
    assert spelling[:, 0].max() > weights[: len(weights) // 2, 0].min() + 0.2


def product(powers: tuple[float, float]) -> np.ndarray:
    values = np.exp(powers[0] * NARROW + powers[1] * WIDE)
    return values / values.sum()


def nats(model: MixtureModel, stretches: list[np.ndarray]) -> float:
    """Mean nats of all tokens but each first."""
    factors, targets = gather_factors(model.mixture, stretches, CPU)
    logs = torch.einsum("tfv,f->tv", factors, model.mixture.powers).log_softmax(-1)
    return -float(logs.gather(1, targets[:, None]).mean())


@pytest.mark.parametrize("powers", [(1.5, 0.3), (0.4, 1.4)])
def test_a_product_of_the_members_is_found_that_no_average_is(powers: tuple[float, float]) -> None:
    truth, model = product(powers), fixed_mixture([False] * 4)
    ids = np.random.default_rng(0).choice(4, 40_000, p=truth)
    fit_mixture(model.mixture, [ids], CPU)
    with torch.inference_mode():
        predicted = model.forward(torch.zeros(1, 1, dtype=torch.int64), model.initial_state(1))[0]
    assert predicted[0, 0].exp().tolist() == pytest.approx(truth.tolist(), abs=0.01)
    fitted_nats = nats(model, [ids])
    model.mixture.set_powers(torch.tensor([1.0, 0.0, 0.0]))
    assert fitted_nats < nats(model, [ids]) - 0.005


@pytest.mark.parametrize("length", [3, 40, 5000])
def test_the_text_that_powers_are_fitted_to_is_not_less_likely_than_by_the_average(length: int) -> None:
    model = fixed_mixture([False] * 4)
    stretches = [draw(0.3, length, seed) for seed in range(3)]
    before = nats(model, stretches)
    found = fit_powers(*gather_factors(model.mixture, stretches, CPU))
    model.mixture.set_powers(found)
    assert nats(model, stretches) <= before + 1e-6
    assert found.min() >= 0
