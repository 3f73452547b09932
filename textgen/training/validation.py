"""A quick validation score during training, for choosing among the weights of one model."""

from __future__ import annotations

import math

import numpy as np
import torch

from textgen.api import TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import DeviceConfig

NUM_STREAMS, WINDOW = 16, 64
"""Number of stretches of the text that are scored in parallel, and of tokens computed at a time."""


def validation_bits(
    model: LanguageModel, ids: TokenIds, num_chars: int, device_config: DeviceConfig
) -> float:
    """Return bits per character of a text, from 16 stretches in parallel, each with an initial state.

    It is slightly above the result of `textgen.evaluation.scoring.score_text`, by about the same amount each
    time.
    """
    if len(ids) < 2:
        raise TextgenError("the validation split has fewer than two tokens; give a longer text")
    num_streams = max(1, min(NUM_STREAMS, (len(ids) - 1) // WINDOW))
    length = (len(ids) - 1) // num_streams
    starts = np.arange(num_streams)[:, None] * length
    streams = torch.from_numpy(ids[starts + np.arange(length + 1)].astype(np.int64)).to(device_config.device)
    nats = 0.0
    with torch.inference_mode(), device_config.autocast():
        state = model.initial_state(num_streams)
        for position in range(0, length, WINDOW):
            end = min(position + WINDOW, length)
            inputs, targets = streams[:, position:end], streams[:, position + 1 : end + 1]
            loss, state = model.loss(inputs, targets, state)
            nats += float(loss) * (end - position)
    return nats / length / math.log(2) * len(ids) / num_chars
