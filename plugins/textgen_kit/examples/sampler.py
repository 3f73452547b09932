"""Top-a sampling: the more confident the model is, the fewer tokens remain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le
from textgen.generation.sampling import sample_categorical
from torch import Tensor


@dataclass
class Example:
    """Sampling from tokens of probability a p² or more, where p is the highest one."""

    a: Annotated[float, Ge(0), Le(1)] = 0.2
    """0 keeps every token, 1 excludes the most."""
    temperature: Annotated[float, Gt(0)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch] for logits [batch, vocab_size] and uniforms [batch]."""
        scaled = logits / self.temperature
        probabilities = scaled.softmax(dim=-1)
        floor = self.a * probabilities.amax(dim=-1, keepdim=True).square()
        kept = scaled.masked_fill(probabilities < floor, -math.inf)
        return sample_categorical(kept, uniforms)
