"""A quick validation score during training, for choosing among the weights of one model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from textgen.contracts import TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import take_rows
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import Budget

NUM_STREAMS, WINDOW = 48, 64
"""Minimum number of streams that are scored in parallel, and the tokens computed at a time."""
VALIDATION_SHARE = 0.07
"""Share of a budget in seconds that all validations together may take."""
TOKENS_SHARE = 0.2
"""Share of the tokens of another budget, so that about the same time is taken."""


def validation_limits(
    budget: Budget, num_validations: int, epoch_tokens: int, chars_per_token: float, update_tokens: int
) -> tuple[float, float]:
    """Return how many tokens and seconds each of `num_validations` in training under a budget may take.

    Unless it is in seconds, they do not depend on the machine, so that the result does not either.
    """
    if budget.unit == "seconds":
        return math.inf, VALIDATION_SHARE * budget.amount / num_validations
    tokens_of = {"epochs": epoch_tokens, "chars": 1 / chars_per_token, "updates": update_tokens}
    tokens = budget.amount * tokens_of[budget.unit]
    return TOKENS_SHARE * tokens / num_validations, math.inf


class Validation:
    """Bits per character of stretches of text, in parallel, each with an initial state.

    Of fewer than `NUM_STREAMS` stretches each is divided. Of each stream, the same beginning is scored every
    time: what the first call reads within the limits, without the last tokens, which do not fill a window. So
    it is slightly above the result of `textgen.evaluation.token_bits.score_stretches`, by about the same
    amount each time.

    `num_chars` is the number of characters of all stretches; `rest_bits` are the bits per character of what
    the model does not predict, which are added; `announce` is called when a validation begins. Raises
    `TextgenError` if no stretch has two tokens.
    """

    def __init__(
        self,
        model: LanguageModel,
        stretches: Sequence[TokenIds],
        num_chars: int,
        device_config: DeviceConfig,
        *,
        max_tokens: float = math.inf,
        max_seconds: float = math.inf,
        rest_bits: float = 0.0,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self._rest_bits, self._announce = rest_bits, announce
        self._model, self._device_config = model, device_config
        parts = -(-NUM_STREAMS // max(1, len(stretches)))
        streams = [
            stream
            for ids in stretches
            for stream in np.array_split(ids, max(1, min(parts, (len(ids) - 1) // WINDOW)))
        ]
        streams.sort(key=len, reverse=True)
        self._lengths = [len(stream) - 1 for stream in streams]
        if not self._lengths or self._lengths[0] < 1:
            raise TextgenError("the validation split has fewer than two tokens; give a longer text")
        rows = [torch.from_numpy(stream.astype(np.int64)) for stream in streams]
        self._ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device_config.device)
        self._tokens_per_char = sum(map(len, stretches)) / num_chars
        self._window = min(WINDOW, self._lengths[0])
        self._max_seconds = max_seconds
        self._max_windows = max(1, min(self._lengths[0], max_tokens / len(streams)) // self._window)

    def state(self) -> dict[str, Any]:
        """Return how much is read each time, which the first call decides."""
        return {"max_windows": float(self._max_windows), "max_seconds": self._max_seconds}

    def restore(self, state: dict[str, Any]) -> None:
        self._max_windows, self._max_seconds = state["max_windows"], state["max_seconds"]

    def __call__(self) -> float:
        """Return the bits per character with the model's current weights."""
        self._announce()
        model, window, start = self._model, self._window, time.perf_counter()
        nats, num_tokens, num_windows = 0.0, 0, 0
        with torch.inference_mode(), self._device_config.autocast():
            state = model.initial_state(len(self._lengths))
            while num_windows < self._max_windows:
                begin, end = num_windows * window, (num_windows + 1) * window
                num_rows = sum(length >= end for length in self._lengths)  # rows of at least this length
                state = take_rows(state, 0, num_rows)
                inputs, targets = self._ids[:num_rows, begin:end], self._ids[:num_rows, begin + 1 : end + 1]
                loss, state = model.loss(inputs, targets, state)
                nats += float(loss) * targets.numel()
                num_tokens += targets.numel()
                num_windows += 1
                if time.perf_counter() - start > self._max_seconds:
                    break
        self._max_windows, self._max_seconds = num_windows, math.inf
        return nats / num_tokens / math.log(2) * self._tokens_per_char + self._rest_bits
