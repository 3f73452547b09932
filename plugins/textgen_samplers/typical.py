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
    """Draws among the tokens whose surprise is nearest to the expected one, the fewest that reach p.

    A token's surprise is minus the log of its probability, the expected one is the entropy: people seldom
    write what is far less surprising than that either.
    """

    p: Annotated[float, Gt(0), Le(1), Search(0.2, 1, step=0.02)] = 0.95
    """What the probabilities must sum to."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 1.0
    """Below 1 safer, above 1 bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        log_probabilities = (logits / self.temperature).log_softmax(dim=-1)
        entropy: Tensor = torch.special.entr(log_probabilities.exp()).sum(dim=-1, keepdim=True)
        ids = (log_probabilities + entropy).abs().sort(dim=-1, stable=True).indices
        ordered = log_probabilities.gather(1, ids)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()  # what stands before a token: 0 for the first
        typical = ordered.masked_fill(before >= self.p, float("-inf"))
        return ids.gather(1, sample_categorical(typical, uniforms)[:, None])[:, 0]
