"""Nucleus sampling (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import Tensor

from textgen.contracts import Search
from textgen.generation.sampling import Kept, WordSampler, keep_fewest


@dataclass
class TopP(WordSampler):
    """Sampling from the most probable words, the fewest whose probabilities sum to at least p."""

    p: Annotated[float, Gt(0), Le(1), Search(0.5, 1, step=0.02)] = 0.95
    """Minimum sum of the probabilities."""
    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        """Return the candidates that are kept."""
        ids = (log_weights - entropies).sort(dim=-1, descending=True, stable=True).indices
        ordered = log_weights.gather(1, ids)
        return keep_fewest(ids, ordered, ordered.softmax(dim=-1), entropies, self.p)
