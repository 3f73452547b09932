"""Mixtures: models over the same tokens whose predictions are interpolated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from textgen.contracts import State, Vocabulary
from textgen.nn.combination import Combination, CombinedModel
from textgen.nn.language_model import LanguageModel

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
    """Linear interpolation with weights that depend on the context (Jelinek and Mercer 1980).

    p(token | context) = Σ_i weight_i(context) p_i(token | context). The weights depend on how confident each
    member is there, which is its highest probability, and on whether the last token spells an
    out-of-vocabulary word. They are fitted at the points of a grid (`CONFIDENCES` of each member) and linear
    in each confidence between them, so that rounding changes a prediction by no more than rounding. They are
    equal until `set_weights`.
    """

    def __init__(self, members: Mapping[str, LanguageModel], vocabulary: Vocabulary) -> None:
        super().__init__(members)
        num_points = 2 * len(CONFIDENCES) ** len(members)
        self.register_buffer("fallback", torch.tensor(vocabulary.fallback), persistent=False)
        self.register_buffer("confidences", torch.tensor(CONFIDENCES), persistent=False)
        self.register_buffer("weights", torch.full((num_points, len(members)), 1 / len(members)))

    fallback: Tensor
    confidences: Tensor
    weights: Tensor

    def set_weights(self, weights: Tensor) -> None:
        """Replace the weights, [points, number of members]; those of each point sum to 1."""
        self.weights = weights.to(self.weights)

    def evidence(self, ids: Tensor, targets: Tensor, state: tuple[State, ...]) -> tuple[Evidence, State]:
        """Return the data that weights are fitted to, and the next state."""
        predictions, states = self.predict([member.forward for member in self.members], ids, state)
        likelihoods = torch.cat([each.gather(-1, targets[..., None]) for each in predictions], dim=-1)
        return Evidence(likelihoods, *self._points(predictions, ids)), states

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
        """The members."""
        return self.mixture.members
