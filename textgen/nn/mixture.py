"""Models made of several over the same tokens, trained one by one: averages and weighted mixtures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import State, TokenIds, Vocabulary
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.state import take_rows, windows
from textgen.runtime.device import DeviceConfig

LEAST_FACTOR = -40.0
"""Least log-probability in a product, so that no token becomes impossible that one member can predict."""


class Combination(nn.Module, ABC):
    """A distribution made of the members' distributions; the state is a tuple of theirs."""

    is_normalized: ClassVar[bool] = True

    def __init__(self, members: Mapping[str, LanguageModel]) -> None:
        super().__init__()
        self.models = nn.ModuleDict({name: member.module for name, member in members.items()})
        self.members = tuple(members.values())

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        return tuple(member.initial_state(batch_size) for member in self.members)

    def forward(self, ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return the log-probabilities [batch, time, vocab_size] and the next state of each member."""
        predictions, states = self.predict([member.forward for member in self.members], ids, state)
        return self.combined(predictions, ids), states

    def prepare_step(self, dtype: torch.dtype) -> Step:
        steps = [member.prepare_step(dtype) for member in self.members]

        def step(ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
            predictions, states = self.predict(steps, ids, state)
            return self.combined(predictions, ids), states

        return step

    def predict(
        self, steps: Sequence[Step], ids: Tensor, state: tuple[State, ...]
    ) -> tuple[list[Tensor], tuple[State, ...]]:
        """Return the log-probabilities of each member, [..., vocab_size], and its next state.

        A member that says that it is normalized is taken at its word.
        """
        logits, states = zip(*(step(ids, each) for step, each in zip(steps, state, strict=True)), strict=True)
        predictions = [
            each.float() if member.is_normalized else each.float().log_softmax(-1)
            for member, each in zip(self.members, logits, strict=True)
        ]
        return predictions, states

    @abstractmethod
    def combined(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:
        """Return the log-probabilities [..., vocab_size] after `ids` [...], given those of each member."""


class Average(Combination):
    """The geometric mean of the distributions of copies of a model, each trained from a seed of its own.

    It is better than a copy, and after enough training better than one model that was trained for as long as
    all of them (Hansen and Salamon 1990). The arithmetic mean is less sure than it might be, and worse.
    """

    def __init__(self, copies: Sequence[LanguageModel]) -> None:
        super().__init__({str(number): copy for number, copy in enumerate(copies, start=1)})

    def combined(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:  # noqa: ARG002 - all contexts
        total = reduce(torch.add, (each.clamp(min=LEAST_FACTOR) for each in predictions))
        return (total / len(predictions)).log_softmax(-1)


class CombinedModel(LanguageModel):
    """The adapter of a combination, whose members are trained one by one."""

    def __init__(self, combination: Combination) -> None:
        self._parts = combination.members
        super().__init__(combination, self._parts[0].vocab_size)

    @property
    def members(self) -> tuple[LanguageModel, ...]:
        """The models that are trained: those of members that are combinations themselves, too."""
        return tuple(chain.from_iterable(part.members for part in self._parts))

    @property
    def has_step(self) -> bool:
        return any(member.has_step for member in self.members)

    @property
    def is_step_recordable(self) -> bool:
        """True if all members have their own step, so that a GPU can record it."""
        return all(member.has_step for member in self.members)


CONFIDENCES = (0.03, 0.07, 0.15, 0.27, 0.42, 0.6, 0.78, 0.9, 0.98)
"""Highest probabilities of a member at which weights are fitted; between them they are interpolated."""


class Evidence(NamedTuple):
    """Data that the weights of a mixture are fitted to, for each token of a text."""

    log_likelihoods: Tensor
    """[..., members], the log-probability of the token by each member."""
    points: Tensor
    """[..., 2 ** members], the points of the grid of weights around its context."""
    shares: Tensor
    """[..., 2 ** members], the share of each in the weights; they sum to 1."""


class Mixture(Combination):
    """Linear interpolation with weights that depend on the context, then a product with the members.

    First p_0(token | context) = Σ_i weight_i(context) p_i(token | context) (Jelinek and Mercer 1980). The
    weights depend on how confident each member is there, which is its highest probability, and on whether the
    last token spells an out-of-vocabulary word. They are fitted at the points of a grid (`CONFIDENCES` of
    each member) and linear in each confidence between them, so that rounding changes a prediction by no more
    than rounding. They are equal until `set_weights`.

    An average is less sure than its members have reason to be, so the prediction is proportional to
    p_0^power_0 · Π_i p_i^power_i (a product of experts, Hinton 2002; log-linear interpolation, Klakow 1998).
    It is p_0 until `set_powers`.
    """

    def __init__(self, members: Mapping[str, LanguageModel], vocabulary: Vocabulary) -> None:
        super().__init__(members)
        num_points = 2 * len(CONFIDENCES) ** len(members)
        self.register_buffer("fallback", torch.tensor(vocabulary.fallback), persistent=False)
        self.register_buffer("confidences", torch.tensor(CONFIDENCES), persistent=False)
        self.register_buffer("weights", torch.full((num_points, len(members)), 1 / len(members)))
        self.register_buffer("powers", torch.eye(1 + len(members))[0])

    fallback: Tensor
    confidences: Tensor
    weights: Tensor
    powers: Tensor

    def set_weights(self, weights: Tensor) -> None:
        """Replace the weights, [points, number of members]; those of each point sum to 1."""
        self.weights = weights.to(self.weights)

    def set_powers(self, powers: Tensor) -> None:
        """Replace the powers of the interpolation and of each member, [1 + number of members]."""
        self.powers = powers.to(self.powers)

    def evidence(self, predictions: Sequence[Tensor], ids: Tensor, targets: Tensor) -> Evidence:
        """Return the data that weights are fitted to, given the log-probabilities of each member."""
        likelihoods = torch.cat([each.gather(-1, targets[..., None]) for each in predictions], dim=-1)
        return Evidence(likelihoods, *self._points(predictions, ids))

    def _points(self, predictions: Sequence[Tensor], ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points around each context and their shares, each [..., 2 ** members].

        `predictions` [..., vocab_size] are the log-probabilities of each member after `ids` [...].
        """
        points = self.fallback[ids].long()[..., None]
        shares = torch.ones_like(points, dtype=torch.float32)
        for each in predictions:
            confidence = each.amax(-1).exp().clamp(CONFIDENCES[0], CONFIDENCES[-1])
            above = torch.bucketize(confidence, self.confidences[1:-1], right=True) + 1
            low, high = self.confidences[above - 1], self.confidences[above]
            share = ((confidence - low) / (high - low))[..., None]
            points = points * len(CONFIDENCES) + above[..., None]
            points = torch.cat((points - 1, points), dim=-1)
            shares = torch.cat((shares * (1 - share), shares * share), dim=-1)
        return points, shares

    def combined(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:
        """Return the log-probabilities of the mixture, given those of each member."""
        factors = self.factors(predictions, ids)
        product = sum(power * factor for power, factor in zip(self.powers, factors, strict=True))
        assert isinstance(product, Tensor)  # of one factor at least
        return product.log_softmax(-1)

    def factors(self, predictions: Sequence[Tensor], ids: Tensor) -> list[Tensor]:
        """Return the log-probabilities of the interpolation and of each member, not below a bound."""
        return [each.clamp(min=LEAST_FACTOR) for each in (self.interpolated(predictions, ids), *predictions)]

    def interpolated(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:
        """Return the log-probabilities of the linear interpolation, given those of each member."""
        points, shares = self._points(predictions, ids)
        weights = (self.weights[points] * shares[..., None]).sum(-2).log()
        mixed = predictions[0] + weights[..., 0, None]
        for index, each in enumerate(predictions[1:], start=1):
            mixed = torch.logaddexp(mixed, each + weights[..., index, None])
        return mixed


class MixtureModel(CombinedModel):
    """The adapter of a mixture."""

    def __init__(self, members: Mapping[str, LanguageModel], vocabulary: Vocabulary) -> None:
        self.mixture = Mixture(members, vocabulary)
        super().__init__(self.mixture)

    @property
    def parts(self) -> Sequence[LanguageModel]:
        return self.mixture.members


MAX_FITTED_LOGITS, MAX_FITTED_TOKENS, MIN_FITTED_TOKENS = 2**27, 30_000, 64
"""Logits of each member, and tokens, that weights are fitted to: 7,000 tokens of 20,000 words give nearly the
same weights as more. They are the first of each stretch, at least `MIN_FITTED_TOKENS`."""
PRIOR_TOKENS = 30.0
"""Tokens with the weights of all contexts that are added to each point, so that rare ones stay near them."""
MIN_GAIN, MAX_ITERATIONS = 1e-6, 500
"""Gain in nats per token below which the iteration ends, and its limit."""
LEAST_WEIGHT, LEAST_LOG_LIKELIHOOD = 1e-6, -1e4
"""Bounds, so that no token becomes impossible that one member can predict."""
MAX_FACTORS, MAX_STEPS = 2**26, 20
"""Values of factors that powers are fitted to, and steps of Newton's method."""
POSITIONS = 256
"""Tokens whose predictions are held at a time."""

Floats = NDArray[np.float64]
Points = NDArray[np.int64]


def fit_mixture(mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig) -> None:
    """Fit weights and powers of a mixture to the beginnings of stretches, as long as is worthwhile."""
    vocab_size = mixture.members[0].vocab_size
    most = min(MAX_FITTED_TOKENS, MAX_FITTED_LOGITS // vocab_size)
    evidence = gather_evidence(mixture, beginnings(stretches, most), device_config)
    mixture.set_weights(torch.from_numpy(fit_weights(*evidence, len(mixture.weights))))
    most = MAX_FACTORS // len(mixture.powers) // vocab_size
    mixture.set_powers(fit_powers(*gather_factors(mixture, beginnings(stretches, most), device_config)))


def beginnings(stretches: Sequence[TokenIds], most: int) -> list[TokenIds]:
    """Return the first tokens of each stretch, `most` in all and at least `MIN_FITTED_TOKENS` of each."""
    longest = max(MIN_FITTED_TOKENS, most // max(1, len(stretches)))
    return [ids[:longest] for ids in stretches]


@torch.inference_mode()
def _readings(
    mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig
) -> Iterator[tuple[list[Tensor], Tensor, Tensor]]:
    """Yield the members' log-probabilities [tokens, vocab_size], the ids and those that follow [tokens]."""
    vocab_size, state = mixture.members[0].vocab_size, None
    steps = [member.forward for member in mixture.members]
    for window in windows(stretches, vocab_size, device_config.device):
        num_rows = len(window.inputs)
        state = mixture.initial_state(num_rows) if state is None else take_rows(state, 0, num_rows)
        with device_config.autocast():
            predictions, state = mixture.predict(steps, window.inputs, state)
        is_text = torch.from_numpy(window.is_text).to(window.inputs.device)
        yield [each[is_text] for each in predictions], window.inputs[is_text], window.targets[is_text]


def gather_evidence(
    mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig
) -> tuple[Floats, Points, Floats]:
    """Return the `Evidence` of all tokens of stretches of text but the first of each, [tokens, ...]."""
    num = len(mixture.members)
    chunks: list[Sequence[NDArray[Any]]] = [(np.zeros((0, num)), *np.zeros((2, 0, 2**num), np.int64))]
    for reading in _readings(mixture, stretches, device_config):
        chunks.append([part.cpu().numpy() for part in mixture.evidence(*reading)])
    log_likelihoods, points, shares = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return log_likelihoods.astype(np.float64), points, shares.astype(np.float64)


def gather_factors(
    mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig
) -> tuple[Tensor, Tensor]:
    """Return the factors [tokens, 1 + members, vocab_size] and the ids of all tokens but each first."""
    size = (0, len(mixture.powers), mixture.members[0].vocab_size)
    factors, wanted = [torch.zeros(size)], [torch.zeros(0, dtype=torch.long)]
    for predictions, ids, targets in _readings(mixture, stretches, device_config):
        factors.append(torch.stack(mixture.factors(predictions, ids), dim=1).cpu())
        wanted.append(targets.cpu())
    return torch.cat(factors), torch.cat(wanted)


def fit_weights(log_likelihoods: Floats, points: Points, shares: Floats, num_points: int) -> Floats:
    """Return the weights [num_points, members] that maximise the likelihood of a text (see `Evidence`).

    First one set of weights is fitted to all tokens, then one per point, with `PRIOR_TOKENS` more tokens that
    the former weights explain: a Dirichlet prior. So the text is never less likely than by the best member.
    """
    num_members = log_likelihoods.shape[1]
    uniform = np.full((1, num_members), 1 / num_members)
    if not len(points):
        return np.repeat(uniform, num_points, axis=0)
    bounded = log_likelihoods.clip(LEAST_LOG_LIKELIHOOD)
    likelihoods = np.exp(bounded - bounded.max(axis=1, keepdims=True))
    whole = np.zeros((len(points), 1), np.int64)
    shared = _maximise(likelihoods, whole, np.ones_like(whole, np.float64), uniform, 0.0)
    return _maximise(likelihoods, points, shares, np.repeat(shared, num_points, axis=0), PRIOR_TOKENS)


def _maximise(
    likelihoods: Floats, points: Points, shares: Floats, prior: Floats, prior_tokens: float
) -> Floats:
    """Return the weights by point after expectation-maximisation from `prior` (Dempster et al. 1977)."""
    weights, before = prior, -np.inf
    for _ in range(MAX_ITERATIONS):
        parts = weights[points] * shares[..., None] * likelihoods[:, None]  # [tokens, points, members]
        totals = parts.sum(axis=(1, 2), keepdims=True)
        objective = np.log(totals).mean() + prior_tokens / len(points) * (prior * np.log(weights)).sum()
        if objective < before + MIN_GAIN:
            break
        before = objective
        parts /= totals
        counts = [
            np.bincount(points.ravel(), parts[..., member].ravel(), len(prior))
            for member in range(prior.shape[1])
        ]
        weights = np.stack(counts, axis=1) + prior_tokens * prior
        weights = (weights / weights.sum(axis=1, keepdims=True)).clip(LEAST_WEIGHT)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights


@torch.inference_mode()
def fit_powers(factors: Tensor, targets: Tensor) -> Tensor:
    """Return the powers [factors], none below zero, that maximise the likelihood of `targets` [tokens].

    The logarithm of the likelihood is concave in them; `PRIOR_TOKENS` keep them near those of the
    interpolation alone. Newton's method with steps that are halved until they help.
    """
    prior = torch.eye(factors.shape[1])[0]
    powers, (nats, gradient, curvature) = prior, _nats(factors, targets, prior, prior)
    for _ in range(MAX_STEPS):
        direction = torch.linalg.solve(curvature, gradient)
        for halvings in range(5):
            tried = (powers - direction / 2**halvings).clamp(min=0)
            outcome = _nats(factors, targets, tried, prior)
            if outcome[0] < nats:
                break
        gain = nats - outcome[0]
        if not gain > MIN_GAIN * len(targets):
            break
        powers, (nats, gradient, curvature) = tried, outcome
    return powers


def _nats(factors: Tensor, targets: Tensor, powers: Tensor, prior: Tensor) -> tuple[float, Tensor, Tensor]:
    """Return the nats of all tokens and of the prior, with gradient and curvature by the powers."""
    distance = powers - prior
    nats = PRIOR_TOKENS / 2 * float(distance @ distance)
    gradient, curvature = PRIOR_TOKENS * distance, PRIOR_TOKENS * torch.eye(len(powers))
    for start in range(0, len(targets), POSITIONS):
        part, wanted = factors[start : start + POSITIONS], targets[start : start + POSITIONS]
        logs = torch.einsum("tfv,f->tv", part, powers).log_softmax(-1)
        nats -= float(logs.gather(1, wanted[:, None]).sum())
        weighted = part * logs.exp()[:, None]
        means = weighted.sum(-1)
        given = part.gather(2, wanted[:, None, None].expand(-1, part.shape[1], 1))[..., 0]
        gradient = gradient + (means - given).sum(0)
        curvature = curvature + torch.einsum("tfv,tgv->fg", weighted, part) - means.t() @ means
    return nats, gradient, curvature
