"""A quick validation score during training, for choosing among the weights of one model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from textgen.api import TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import first_rows
from textgen.runtime.device import DeviceConfig

NUM_STREAMS, WINDOW = 16, 64
"""Minimum number of streams that are scored in parallel, and the tokens computed at a time."""


def validation_bits(
    model: LanguageModel, stretches: Sequence[TokenIds], num_chars: int, device_config: DeviceConfig
) -> float:
    """Return bits per character of stretches of text, in parallel, each with an initial state.

    Of fewer than `NUM_STREAMS` stretches each is divided. The last tokens of a stretch, which do not fill a
    window, are left out. So it is slightly above the result of
    `textgen.evaluation.token_bits.score_stretches`, by about the same amount each time. `num_chars` is the
    number of characters of all stretches.
    """
    parts = -(-NUM_STREAMS // max(1, len(stretches)))
    streams = [
        stream
        for ids in stretches
        for stream in np.array_split(ids, max(1, min(parts, (len(ids) - 1) // WINDOW)))
    ]
    streams.sort(key=len, reverse=True)
    lengths = [len(stream) - 1 for stream in streams]
    if not lengths or lengths[0] < 1:
        raise TextgenError("the validation split has fewer than two tokens; give a longer text")
    window = min(WINDOW, lengths[0])
    table = np.zeros((len(streams), lengths[0] + 1), np.int64)
    for row, stream in enumerate(streams):
        table[row, : len(stream)] = stream
    ids = torch.from_numpy(table).to(device_config.device)
    nats, num_tokens = 0.0, 0
    with torch.inference_mode(), device_config.autocast():
        state = model.initial_state(len(streams))
        for begin in range(0, lengths[0] - window + 1, window):
            end = begin + window
            num_rows = sum(length >= end for length in lengths)  # the rows that have so many tokens
            state = first_rows(state, num_rows)
            inputs, targets = ids[:num_rows, begin:end], ids[:num_rows, begin + 1 : end + 1]
            loss, state = model.loss(inputs, targets, state)
            nats += float(loss) * targets.numel()
            num_tokens += targets.numel()
    return nats / num_tokens / math.log(2) * sum(map(len, stretches)) / num_chars
