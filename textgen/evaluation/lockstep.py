"""Scores at which a model cannot peek: it gives the probabilities of a token before it is told the token.

The bits are those of prequential scoring (Dawid 1984, "Statistical theory: the prequential approach"): a mask
that was forgotten, or a look at the next token, gains nothing, since nothing that follows has been told.
Stretches are told side by side, one token of each at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import State, TokenIds
from textgen.evaluation.token_bits import TokenScores, bits_and_error, finite
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.state import map_tensors, take_rows
from textgen.runtime.threads import paced

REPORTED = 64
"""Tokens of each stretch between two reports."""


class Steps:
    """A trained model that reads several stretches side by side, one token of each at a time, in fp32."""

    def __init__(self, model: LanguageModel, device: torch.device) -> None:
        self._model, self._device, self._num_rows = model, device, 0

    @torch.inference_mode()
    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor:
        """Return the logits [num_rows, vocab_size] of the first token of each stretch, after `start_ids`."""
        ids = torch.from_numpy(np.tile(np.asarray(start_ids, np.int64), (num_rows, 1))).to(self._device)
        logits, self._state = self._model.forward(ids, self._model.initial_state(num_rows))
        self._num_rows, self._step = num_rows, self._working_step(ids[:, -1])
        return logits[:, -1].clone()

    @torch.inference_mode()
    def tell(self, ids: TokenIds) -> Tensor:
        """Return the logits [rows, vocab_size] after one more token of each of the first stretches, `ids`
        [rows]; the others have ended. The model may overwrite them at the next token.
        """
        if len(ids) != self._num_rows:
            self._num_rows, self._state = len(ids), take_rows(self._state, 0, len(ids))
        told = torch.from_numpy(np.array(ids, np.int64)).to(self._device)  # not a view of what follows
        logits, self._state = self._step(told, self._state)
        return logits

    def _working_step(self, ids: Tensor) -> Step:
        """Return the model's own step, or `forward` with one token if that step fails."""

        def by_forward(ids: Tensor, state: State) -> tuple[Tensor, State]:
            logits, following = self._model.forward(ids[:, None], state)
            return logits[:, -1], following

        try:
            step = self._model.prepare_step(torch.float32)
            step(ids, map_tensors(Tensor.clone, self._state))  # which may change its state in place
        except Exception:  # whatever a plugin raises: then it cannot write, but it can be scored
            return by_forward
        return step


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Return the stretch in each row, so that those that go on are the first ones."""
    return sorted(range(len(lengths)), key=lambda index: -lengths[index])


def score_in_lockstep(
    model: LanguageModel,
    texts: Sequence[str],
    stretches: Sequence[TokenIds],
    start_ids: TokenIds,
    *,
    device: torch.device,
    report: Callable[[float], None] = lambda fraction: None,
) -> list[TokenScores]:
    """Score stretches of text, each from an initial state, side by side and token by token.

    `stretches` are the tokens of `texts`, `start_ids` those that precede each. `report` is called with the
    share of the longest stretch that is scored.
    """
    order, steps, error = longest_first([*map(len, stretches)]), Steps(model, device), 0.0
    lengths = np.array([len(stretches[index]) for index in order], np.int64)
    longest = int(lengths.max(initial=0))
    table = np.zeros((len(order), longest), np.int64)
    for row, index in zip(table, order, strict=True):
        row[: len(stretches[index])] = stretches[index]
    bits = np.zeros(table.shape)
    logits = steps.begin(len(order), start_ids) if longest else torch.empty(0)
    for position in paced(range(longest)):
        num_rows, num_left = (int((lengths > place).sum()) for place in (position, position + 1))
        targets = torch.from_numpy(table[:num_rows, position]).to(device)
        found, off = bits_and_error(logits[:num_rows], targets, is_normalized=model.is_normalized)
        bits[:num_rows, position], error = found.numpy(), max(error, off)
        if num_left:
            logits = steps.tell(table[:num_left, position])
        if position % REPORTED == 0:
            report((position + 1) / longest)
    bits_of_stretch = dict(zip(order, bits, strict=True))
    return [
        TokenScores(text, ids, finite(bits_of_stretch[index][: len(ids)]), error)
        for index, (text, ids) in enumerate(zip(texts, stretches, strict=True))
    ]
