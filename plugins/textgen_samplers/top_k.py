"""Top-k sampling (Fan et al. 2018, "Hierarchical Neural Story Generation")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor

from textgen.contracts import Search
from textgen.generation.sampling import Kept, WordSampler


@dataclass
class TopK(WordSampler):
    """Sampling from the k most probable words."""

    k: Annotated[int, Ge(1), Le(2**24), Search(2, 200, log=True)] = 40
    """Number of words."""
    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        """Return the candidates that are kept."""
        best = (log_weights - entropies).topk(min(self.k, log_weights.shape[-1]), dim=-1).indices
        return best, log_weights.gather(1, best)
