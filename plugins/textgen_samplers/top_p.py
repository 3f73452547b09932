"""Nucleus sampling (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le
from torch import Tensor

from textgen.api import Search
from textgen.generation.sampling import sample_categorical


@dataclass
class TopP:
    """Sampling from the smallest set of tokens whose probabilities sum to at least p."""

    p: Annotated[float, Gt(0), Le(1), Search(0.5, 1, step=0.02)] = 0.95
    """Minimum sum of the probabilities."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        ordered, ids = (logits / self.temperature).sort(dim=-1, descending=True, stable=True)
        probabilities = ordered.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities  # the sum up to a token, 0 for the first
        nucleus = ordered.masked_fill(before >= self.p, float("-inf"))
        return ids.gather(1, sample_categorical(nucleus, uniforms)[:, None])[:, 0]
