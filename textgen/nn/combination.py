"""Models made of several over the same tokens, which are trained one by one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgen.contracts import State
from textgen.nn.language_model import LanguageModel, Step


class Combination(nn.Module, ABC):
    """A distribution made of the members' distributions; the state is a tuple of theirs."""

    is_normalized: ClassVar[bool] = True

    def __init__(self, members: Mapping[str, LanguageModel]) -> None:
        super().__init__()
        self.models = nn.ModuleDict({name: member.module for name, member in members.items()})
        self.members = tuple(members.values())

    def initial_state(self, batch_size: int) -> tuple[State, ...]:
        """Return the initial state of each member."""
        return tuple(member.initial_state(batch_size) for member in self.members)

    def forward(self, ids: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Return the log-probabilities [batch, time, vocab_size] and the next state of each member."""
        predictions, states = self.predict([member.forward for member in self.members], ids, state)
        return self.combined(predictions, ids), states

    def prepare_step(self, dtype: torch.dtype) -> Step:
        """Return a step of generation made of the members' steps."""
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
    """The mean of the probabilities of copies of a model, each trained from a seed of its own.

    It is better than a copy, and after enough training better than one model that was trained for as long as
    all of them (Hansen and Salamon 1990).
    """

    def __init__(self, copies: Sequence[LanguageModel]) -> None:
        super().__init__({str(number): copy for number, copy in enumerate(copies, start=1)})

    def combined(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:  # noqa: ARG002 - all contexts
        """Return the logarithm of the mean probabilities."""
        return reduce(torch.logaddexp, predictions) - math.log(len(predictions))


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
        """True if any member has its own step."""
        return any(member.has_step for member in self.members)

    @property
    def is_step_recordable(self) -> bool:
        """True if all members have their own step, so that a GPU can record it."""
        return all(member.has_step for member in self.members)
