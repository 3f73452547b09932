"""Min-p sampling (Nguyen et al. 2024, arXiv:2407.01082)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le
from torch import Tensor

from textgen.api import Search
from textgen.generation.sampling import sample_categorical


@dataclass
class MinP:
    """Sampling from the tokens that are at least p times as probable as the most probable one.

    The more confident the model is, the fewer tokens remain.
    """

    p: Annotated[float, Gt(0), Le(1), Search(0.01, 0.5, log=True)] = 0.1
    """Minimum probability of a token, relative to that of the most probable one."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        scaled = logits / self.temperature
        floor = scaled.amax(dim=-1, keepdim=True) + math.log(self.p)
        return sample_categorical(scaled.masked_fill(scaled < floor, float("-inf")), uniforms)
