"""Top-k sampling (Fan et al. 2018, "Hierarchical Neural Story Generation")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from textgen.api import Search
from textgen.generation.sampling import sample_categorical


@dataclass
class TopK:
    """Sampling from the k most probable tokens."""

    k: Annotated[int, Ge(1), Search(2, 200, log=True)] = 40
    """Number of tokens."""
    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 1.0
    """Divisor of the logits: lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        best, ids = logits.topk(min(self.k, logits.shape[-1]), dim=-1)
        return ids.gather(1, sample_categorical(best / self.temperature, uniforms)[:, None])[:, 0]
