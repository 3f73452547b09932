"""Softmax with a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from textgen.api import Search
from textgen.generation.sampling import sample_categorical


@dataclass
class Temperature:
    """Sampling from softmax(logits / temperature)."""

    temperature: Annotated[float, Gt(0), Search(0.3, 1.5, step=0.05)] = 0.8
    """Divisor of the logits: 1 is the model itself, lower is safer, higher is bolder."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch]."""
        return sample_categorical(logits / self.temperature, uniforms)
