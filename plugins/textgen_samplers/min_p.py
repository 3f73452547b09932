"""Min-p sampling (Nguyen et al. 2024, arXiv:2407.01082)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import Tensor

from textgen.contracts import Search
from textgen.generation.sampling import Kept, WordSampler, keep_all


@dataclass
class MinP(WordSampler):
    """Sampling from the words that are at least p times as probable as the most probable one.

    The more confident the model is, the fewer tokens remain.
    """

    p: Annotated[float, Gt(0), Le(1), Search(0.01, 0.5, log=True)] = 0.1
    """Minimum probability of a word, relative to that of the most probable one."""
    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def truncate(self, log_weights: Tensor, entropies: Tensor) -> Kept:
        """Return the candidates that are kept."""
        typical = log_weights - entropies
        floor = typical.amax(dim=-1, keepdim=True) + math.log(self.p)
        return keep_all(log_weights.masked_fill(typical < floor, float("-inf")), entropies)
