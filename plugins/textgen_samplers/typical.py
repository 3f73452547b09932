"""Locally typical sampling (Meister et al. 2023, "Locally Typical Sampling", arXiv:2202.00666)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from textgen.contracts import Search
from textgen.generation.sampling import Kept, WordSampler, keep_fewest


@dataclass
class Typical(WordSampler):
    """Sampling from the words with a surprisal nearest to the entropy, the fewest that reach p.

    The surprisal of a word is minus the log of its probability, and the entropy is its expected value. Text
    by people rarely has words that are much less surprising than that, either.
    """

    p: Annotated[float, Gt(0), Le(1), Search(0.2, 1, step=0.02)] = 0.95
    """Minimum sum of the probabilities."""
    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        """Return the candidates that are kept."""
        log_probabilities = log_weights.log_softmax(dim=-1)
        probabilities = log_probabilities.exp()
        entropy: Tensor = torch.special.entr(probabilities).sum(dim=-1, keepdim=True)
        entropy = entropy + (probabilities * entropies).sum(dim=-1, keepdim=True)  # the chain rule
        ids = (log_probabilities - entropies + entropy).abs().sort(dim=-1, stable=True).indices
        ordered = log_probabilities.gather(1, ids)
        return keep_fewest(ids, ordered, ordered.exp(), entropies, self.p)
