"""Weights of mixtures: expectation-maximisation on a text that is read as in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textgen.contracts import Vocabulary
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import (
    MixtureModel,
    fit_mixture,
    fit_powers,
    fit_weights,
    gather_evidence,
    gather_factors,
)
from textgen.runtime.device import choose_device

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


def test_known_weights_are_found_between_points() -> None:
    """The true weights are linear between two points; tokens lie everywhere between them."""
    generator, num_tokens = np.random.default_rng(0), 80_000
    share = generator.random(num_tokens)
    is_narrow = generator.random(num_tokens) < 0.1 * (1 - share) + 0.9 * share
    ids = np.where(is_narrow, draw(1.0, num_tokens, 1), draw(0.0, num_tokens, 2))
    points = np.tile([0, 1], (num_tokens, 1))
    log_likelihoods = np.stack([NARROW[ids], WIDE[ids]], axis=1)
    weights = fit_weights(log_likelihoods, points, np.stack([1 - share, share], axis=1), 2)
    assert weights[:, 0] == pytest.approx([0.1, 0.9], abs=0.03)


def test_every_token_of_every_stretch_but_the_first_is_evidence_once() -> None:
    model = fixed_mixture([False, True, False, False])
    stretches = [draw(0.5, length, length) for length in (50, 1, 120, 120, 3)]
    log_likelihoods, points, shares = gather_evidence(model.mixture, stretches, CPU)
    targets = np.concatenate([ids[1:] for ids in stretches])
    inputs = np.concatenate([ids[:-1] for ids in stretches])
    assert np.sort(log_likelihoods, axis=0) == pytest.approx(
        np.sort(np.stack([NARROW[targets], WIDE[targets]], axis=1), axis=0)
    )
    assert (points[:, 0] >= len(model.mixture.weights) // 2).sum() == (inputs == 1).sum()
    assert len(points) == len(targets)
    assert shares.sum(axis=1) == pytest.approx(1)


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
    """The distribution proportional to a product of the two."""
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


def test_without_text_the_average_is_all() -> None:
    model = fixed_mixture([False] * 4)
    fit_mixture(model.mixture, [np.zeros(0, np.int64)], CPU)
    assert model.mixture.powers.tolist() == [1.0, 0.0, 0.0]
