"""Softmax with a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from textgen.contracts import Search
from textgen.generation.sampling import WordSampler


@dataclass
class Temperature(WordSampler):
    """Sampling words with a probability of p^(1/temperature), scaled to sum to 1."""

    temperature: Annotated[float, Ge(1e-4), Le(1000), Search(0.3, 1.5, step=0.05)] = 0.8
    """Divisor of the logits: 1 is the model itself, lower is safer, higher is bolder."""
