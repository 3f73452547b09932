"""Models that refine the predictions of another by places with the same last tokens (see `recall`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from textgen.contracts import BaseModel, State, TokenIds
from textgen.nn.recall import Evidence, Integers, Places, Recall
from textgen.nn.side_by_side import windows
from textgen.nn.state import take_rows

MAX_FITTED_LOGITS, MAX_FITTED_TOKENS = 2**27, 60_000
"""Logits, and tokens of whole stretches, that coefficients are fitted to."""


class RecallState(NamedTuple):
    """State of such a model, batch first."""

    base: State
    read: Tensor
    """[batch, tokens], the last tokens that were read, -1 before the first."""


class RecallModel(nn.Module, ABC):
    """A model that finds places with the same last tokens, and refines its `base` by what follows there.

    Without a base it refines chance. It remembers the last `window` tokens.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(self, vocab_size: int, base: BaseModel | None, longest: int, window: int) -> None:
        super().__init__()
        self.vocab_size, self.base, self.window = vocab_size, base, window
        self.recall = Recall(vocab_size, longest)

    @abstractmethod
    def places(self, tokens: Integers, num_new: int) -> Places:
        """Return places for the last `num_new` tokens in rows of `tokens` [batch, …].

        At least as many precede them as the longest context has; -1 precedes the text.
        """

    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Fit how much the places are trusted, to whole stretches of text, each from an initial state."""
        chosen = _spread(stretches, min(MAX_FITTED_TOKENS, MAX_FITTED_LOGITS // self.vocab_size))
        evidence, state = list[Evidence](), None
        with torch.inference_mode():
            for window in windows(chosen, self.vocab_size, self.recall.coefficients.device):
                num_rows = len(window.inputs)
                state = self.initial_state(num_rows) if state is None else take_rows(state, 0, num_rows)
                predictions, base = self._predict(window.inputs, state.base)
                places, read = self._look_up(window.inputs, state.read)
                of_all = self.recall.evidence(predictions.flatten(0, 1), window.targets.flatten(), places)
                is_text = torch.from_numpy(window.is_text.ravel())
                evidence.append(Evidence(*(part[is_text] for part in of_all)))
                state = RecallState(base, read)
        if evidence:
            self.recall.fit(evidence)

    def initial_state(self, batch_size: int) -> RecallState:
        """Return the state before any token."""
        base = () if self.base is None else self.base.initial_state(batch_size)
        size = (batch_size, self.window + self.recall.longest)
        return RecallState(base, self.recall.shortest.new_full(size, -1, dtype=torch.int32))

    def forward(self, ids: Tensor, state: RecallState) -> tuple[Tensor, RecallState]:
        """Return the log-probabilities [batch, time, vocab_size], and the state after the last token."""
        predictions, base = self._predict(ids, state.base)
        return self._refine(predictions, ids, RecallState(base, state.read))

    def prepare_step(self, dtype: torch.dtype) -> Callable[[Tensor, State], tuple[Tensor, State]]:
        """Return a step of generation made of the base's; what is written is read on."""
        step = None if self.base is None else self.base.prepare_step(dtype)

        def refined(ids: Tensor, state: RecallState) -> tuple[Tensor, RecallState]:
            if step is None:
                predictions, base = self._predict(ids[:, None], state.base)
            else:
                logits, base = step(ids, state.base)
                predictions = logits[:, None].float().log_softmax(-1)
            predictions, state = self._refine(predictions, ids[:, None], RecallState(base, state.read))
            return predictions[:, 0], state

        return refined

    def _predict(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the log-probabilities of the base, and its next state."""
        if self.base is None:
            chance = torch.full((*ids.shape, self.vocab_size), 1 / self.vocab_size, device=ids.device)
            return chance.log_(), state
        logits, following = self.base.forward(ids, state)
        return logits.float().log_softmax(-1), following

    def _refine(self, predictions: Tensor, ids: Tensor, state: RecallState) -> tuple[Tensor, RecallState]:
        places, read = self._look_up(ids, state.read)
        refined = self.recall(predictions.flatten(0, 1), places)
        return refined.view_as(predictions), RecallState(state.base, read)

    def _look_up(self, ids: Tensor, read: Tensor) -> tuple[Places, Tensor]:
        """Return the places of each of `ids` [batch, time], and what was read then."""
        text = torch.cat((read, ids.to(read)), dim=1)
        tokens = text.cpu().numpy()
        begin = max(0, int((tokens >= 0).any(0).argmax()) - self.recall.longest)
        return self.places(tokens[:, begin:], ids.shape[1]), text[:, ids.shape[1] :]


def _spread(stretches: Sequence[TokenIds], num_tokens: int) -> list[TokenIds]:
    """Return whole stretches from all over the text with about as many tokens; a part of a single one."""
    step = max(1, round(sum(map(len, stretches)) / max(1, num_tokens)))
    return [ids[:num_tokens] for ids in stretches[::step]]
