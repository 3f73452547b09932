"""Locally typical sampling (Meister et al. 2023, "Locally Typical Sampling", arXiv:2202.00666)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt, Le
from torch import Tensor

from textgen.api import Search
from textgen.generation.sampling import sample_categorical


@dataclass
class Typical:
    """Sampling from the tokens with a surprisal nearest to the entropy, the fewest that reach p.

    The surprisal of a token is minus the log of its probability, and the entropy is its expected value. Text
    by people rarely has tokens that are much less surprising than that, either.
    """

    p: Annotated[float, Gt(0), Le(1), Search(0.2, 1, step=0.02)] = 0.95
    """Minimum sum of the probabilities."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        log_probabilities = (logits / self.temperature).log_softmax(dim=-1)
        entropy: Tensor = torch.special.entr(log_probabilities.exp()).sum(dim=-1, keepdim=True)
        ids = (log_probabilities + entropy).abs().sort(dim=-1, stable=True).indices
        ordered = log_probabilities.gather(1, ids)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()  # the sum up to a token, 0 for the first
        typical = ordered.masked_fill(before >= self.p, float("-inf"))
        return ids.gather(1, sample_categorical(typical, uniforms)[:, None])[:, 0]
