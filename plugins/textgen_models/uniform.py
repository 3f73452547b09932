"""The uniform distribution over the tokens seen in training: the baseline without learning."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from textgen.contracts import TokenIds
from textgen.data.vocabulary import count_tokens

FLOOR = 1e-6
"""Total probability of the unseen tokens, so that no text is impossible."""


class Uniform(nn.Module):
    """A model that gives each seen token the probability (1 - 1e-6) / number of seen tokens, in any context.

    With characters as tokens, its score is log2 of the size of the training text's alphabet.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.register_buffer("log_probabilities", torch.full((vocab_size,), -math.log(vocab_size)))

    log_probabilities: Tensor

    def fit(self, ids: TokenIds) -> None:
        """Take the seen tokens from the ids of the training split."""
        vocab_size = len(self.log_probabilities)
        seen = count_tokens(ids, vocab_size) > 0
        num_unseen = vocab_size - int(seen.sum())
        floor = FLOOR if num_unseen else 0.0
        probabilities = np.where(seen, (1 - floor) / seen.sum(), floor / max(num_unseen, 1))
        self.log_probabilities.copy_(torch.from_numpy(np.log(probabilities)))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return an empty state [batch, 0]."""
        return torch.zeros(batch_size, 0, device=self.log_probabilities.device)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same logits [batch, time, vocab_size] at every position."""
        return self.log_probabilities.expand(*ids.shape, -1), state
