"""The entropy of what a sampler writes, estimated from its own choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.api import TokenIds
from textgen.generation.bound_sampler import BoundSampler


class EntropyRecorder:
    """A sampler that adds up the surprisal of its choices, in bits per character.

    Their mean is an estimate of the entropy of what it writes. The probabilities are those of the logits
    divided by the sampler's `temperature`, if it has one.
    """

    def __init__(self, sampler: BoundSampler) -> None:
        self._sampler = sampler
        self._temperature = sampler.temperature or 1.0
        self._nats, self._chars = 0.0, 0

    def start(
        self, prompts: Sequence[TokenIds], num_chars: NDArray[np.int64]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of the sampler, whether it is stateful or not."""
        choose = self._sampler.start(prompts, num_chars)
        lengths = torch.from_numpy(num_chars)

        def record(logits: Tensor, uniforms: Tensor) -> Tensor:
            ids: Tensor = choose(logits, uniforms)
            log_probabilities = (logits.float() / self._temperature).log_softmax(-1)
            self._nats -= float(log_probabilities.gather(1, ids[:, None]).double().sum())
            self._chars += int(lengths[ids.cpu()].sum())
            return ids

        return record

    @property
    def bits_per_char(self) -> float:
        """Bits per character of everything that was chosen."""
        return self._nats / math.log(2) / max(1, self._chars)
