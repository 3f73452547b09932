"""Models that refine the predictions of those to their left in an entry, without gradients in training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from textgen.contracts import BaseModel, State, TokenIds
from textgen.nn.state import Window, take_rows, windows

MAX_FITTED_LOGITS, MAX_FITTED_TOKENS = 2**27, 60_000
"""Logits, and tokens of whole stretches, that a refinement is fitted to."""


class RefinedState(NamedTuple):
    """State of such a model, batch first."""

    base: State
    memory: State
    """What it remembers of the text."""


class Refinement(nn.Module, ABC):
    """A model that refines its `base`, or chance without one, by what it remembers."""

    is_normalized: ClassVar[bool] = True

    def __init__(self, vocab_size: int, base: BaseModel | None) -> None:
        super().__init__()
        self.vocab_size, self.base = vocab_size, base

    @abstractmethod
    def initial_memory(self, batch_size: int) -> State:
        """Return the memory before any token."""

    @abstractmethod
    def refine(self, predictions: Tensor, ids: Tensor, memory: State) -> tuple[Tensor, State]:
        """Return the refined log-probabilities [batch, time, vocab_size], and the memory after `ids`.

        `predictions`, of the same shape, are those of the base after each of `ids` [batch, time].
        """

    def initial_state(self, batch_size: int) -> RefinedState:
        base = () if self.base is None else self.base.initial_state(batch_size)
        return RefinedState(base, self.initial_memory(batch_size))

    def forward(self, ids: Tensor, state: RefinedState) -> tuple[Tensor, RefinedState]:
        """Return the log-probabilities [batch, time, vocab_size], and the state after the last token."""
        predictions, base = self._predict(ids, state.base)
        refined, memory = self.refine(predictions, ids, state.memory)
        return refined, RefinedState(base, memory)

    def prepare_step(self, dtype: torch.dtype) -> Callable[[Tensor, State], tuple[Tensor, State]]:
        """Return a step of generation made of the base's; what is written is read on."""
        step = None if self.base is None else self.base.prepare_step(dtype)

        def refined(ids: Tensor, state: State) -> tuple[Tensor, State]:
            if step is None:
                predictions, base = self._predict(ids[:, None], state.base)
            else:
                logits, base = step(ids, state.base)
                predictions = logits[:, None].float().log_softmax(-1)
            predictions, memory = self.refine(predictions, ids[:, None], state.memory)
            return predictions[:, 0], RefinedState(base, memory)

        return refined

    def held_out(self, stretches: Sequence[TokenIds]) -> Iterator[tuple[Window, Tensor]]:
        """Yield windows of whole stretches of text, and the log-probabilities of the base in each."""
        chosen = _spread(stretches, min(MAX_FITTED_TOKENS, MAX_FITTED_LOGITS // self.vocab_size))
        device, state = next(chain(self.parameters(), self.buffers())).device, None
        for window in windows(chosen, self.vocab_size, device):
            num_rows = len(window.inputs)
            if state is None and self.base is not None:
                state = self.base.initial_state(num_rows)
            predictions, state = self._predict(window.inputs, take_rows(state, 0, num_rows))
            yield window, predictions

    def _predict(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the log-probabilities of the base, and its next state."""
        if self.base is None:
            chance = torch.full((*ids.shape, self.vocab_size), 1 / self.vocab_size, device=ids.device)
            return chance.log_(), state
        logits, following = self.base.forward(ids, state)
        return logits.float().log_softmax(-1), following


def _spread(stretches: Sequence[TokenIds], num_tokens: int) -> list[TokenIds]:
    """Return whole stretches from all over the text with about as many tokens; a part of a single one."""
    step = max(1, round(sum(map(len, stretches)) / max(1, num_tokens)))
    return [ids[:num_tokens] for ids in stretches[::step]]
