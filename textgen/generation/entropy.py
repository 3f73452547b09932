"""The entropy of what a sampler writes, estimated from its own choices."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class EntropyRecorder:
    """The sum of the surprisal of a sampler's choices, in bits per character.

    Their mean is an estimate of the entropy of what it writes. The probabilities are those of the logits
    divided by the sampler's `temperature`, if it has one. `num_chars` [vocab_size] are the characters that
    begin in each token.
    """

    def __init__(self, temperature: float | None, num_chars: NDArray[np.int64]) -> None:
        self._temperature = temperature or 1.0
        self._lengths = torch.from_numpy(num_chars)
        self._nats, self._chars = 0.0, 0

    def record(self, logits: Tensor, ids: Tensor) -> None:
        """Add the choice of `ids` [batch], valid token ids, from `logits` [batch, vocab_size]."""
        log_probabilities = (logits.float() / self._temperature).log_softmax(-1)
        self._nats -= float(log_probabilities.gather(1, ids.long()[:, None]).double().sum())
        self._chars += int(self._lengths[ids.long().cpu()].sum())

    @property
    def bits_per_char(self) -> float:
        """Bits per character of everything that was chosen."""
        return self._nats / math.log(2) / max(1, self._chars)
