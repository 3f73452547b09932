"""Mixtures: models over the same tokens whose predictions are interpolated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgen.api import State, Vocabulary
from textgen.nn.language_model import LanguageModel, Step


class Mixture(nn.Module):
    """Linear interpolation with weights that depend on the context (Jelinek and Mercer 1980).

    p(token | context) = Σ_i weights[class of the context, i] p_i(token | context), where the class combines
    the context classes that members offer (`ModelExtras.context_classes`) with whether the last token spells
    an out-of-vocabulary word. The weights are equal until `set_weights`.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(self, members: Mapping[str, LanguageModel], vocabulary: Vocabulary) -> None:
        super().__init__()
        self.models = nn.ModuleDict({name: member.module for name, member in members.items()})
        self.members = tuple(members.values())
        self.register_buffer("fallback", torch.tensor(vocabulary.fallback), persistent=False)
        self.register_buffer("log_weights", torch.full((1, len(members)), -math.log(len(members))))

    fallback: Tensor
    log_weights: Tensor

    @property
    def num_classes(self) -> int:
        """The number of context classes, once the members have been trained."""
        return 2 * math.prod(member.num_context_classes for member in self.members)

    def set_weights(self, weights: Tensor) -> None:
        """Replace the weights, [num_classes, number of members]; those of each class sum to 1."""
        self.log_weights = weights.to(self.log_weights).log()

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """Return the initial state of each member."""
        return tuple(member.initial_state(batch_size) for member in self.members)

    def forward(self, ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return the log-probabilities [batch, time, vocab_size] and the next state of each member."""
        classes = self.context_classes(ids, state)
        logits, states = zip(
            *(member.forward(ids, own) for member, own in zip(self.members, state, strict=True)), strict=True
        )
        return self._mixed(list(logits), classes), states

    def log_likelihoods(
        self, ids: Tensor, targets: Tensor, state: tuple[State, ...]
    ) -> tuple[Tensor, Tensor, tuple[State, ...]]:
        """Return what weights are fitted to.

        These are the log-probabilities of `targets` by each member, [batch, time, number of members], the
        context classes [batch, time], and the next state.
        """
        classes, found, states = self.context_classes(ids, state), [], []
        for member, own in zip(self.members, state, strict=True):
            logits, following = member.forward(ids, own)
            found.append(_log_probabilities(member, logits).gather(-1, targets[..., None]))
            states.append(following)
        return torch.cat(found, dim=-1), classes, tuple(states)

    def context_classes(self, ids: Tensor, state: tuple[State, ...]) -> Tensor:
        """Return the class of the context of each prediction, [batch, time]."""
        classes = self.fallback[ids].long()
        for member, own in zip(self.members, state, strict=True):
            offered = member.context_classes(ids, own)
            if offered is not None:
                classes = classes * member.num_context_classes + offered
        return classes

    def prepare_step(self, dtype: torch.dtype) -> Step:
        """Return a step of generation made of the members' own; those without one use `forward`."""
        steps = [_step(member, dtype) for member in self.members]

        def step(ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
            classes = self.context_classes(ids[:, None], state)[:, 0]
            logits, states = zip(
                *(own_step(ids, own) for own_step, own in zip(steps, state, strict=True)), strict=True
            )
            return self._mixed(list(logits), classes), states

        return step

    def _mixed(self, logits: list[Tensor], classes: Tensor) -> Tensor:
        """Return the log-probabilities of the mixture, given each member's logits."""
        weights = self.log_weights.expand(self.num_classes, -1)[classes]
        mixed: Tensor | None = None
        for index, member in enumerate(self.members):
            weighted = _log_probabilities(member, logits[index]) + weights[..., index, None]
            mixed = weighted if mixed is None else torch.logaddexp(mixed, weighted)
        assert mixed is not None
        return mixed


class MixtureModel(LanguageModel):
    """The adapter of a mixture, whose members are trained one by one."""

    def __init__(self, members: Mapping[str, LanguageModel], vocabulary: Vocabulary) -> None:
        self.mixture = Mixture(members, vocabulary)
        super().__init__(self.mixture, len(vocabulary))

    @property
    def members(self) -> tuple[LanguageModel, ...]:
        """The models that are interpolated."""
        return self.mixture.members

    @property
    def has_step(self) -> bool:
        """Whether any member has its own step."""
        return any(member.has_step for member in self.members)

    @property
    def is_step_recordable(self) -> bool:
        """Whether all members have their own step, so that a GPU can record it."""
        return all(_has_usable_step(member) for member in self.members)


def _log_probabilities(member: LanguageModel, logits: Tensor) -> Tensor:
    """Return the log-probabilities of a member; one that says that it is normalized is taken at its word."""
    return logits.float() if member.is_normalized else logits.float().log_softmax(-1)


def _has_usable_step(member: LanguageModel) -> bool:
    # The states of a model's own step may have a form that its `context_classes` does not know.
    return member.has_step and member.num_context_classes == 1


def _step(member: LanguageModel, dtype: torch.dtype) -> Step:
    own_step = member.prepare_step(dtype) if _has_usable_step(member) else None
    if own_step is not None:
        return own_step

    def by_forward(ids: Tensor, state: State) -> tuple[Tensor, State]:
        logits, following = member.forward(ids[:, None], state)
        return logits[:, -1], following

    return by_forward
