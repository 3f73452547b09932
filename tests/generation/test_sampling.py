"""Sampling from a categorical distribution with given uniform numbers."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from textgen.generation.sampling import sample_categorical

BELOW_ONE = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
"""The largest that `torch.rand` gives, and a little more."""


def test_sampling_inverts_the_cumulative_sum() -> None:
    logits = torch.tensor([[0.25, 0.5, 0.0, 0.25]]).log()
    uniforms = [0.0, 0.24, 0.26, 0.74, 0.76, 0.99]
    ids = [int(sample_categorical(logits, torch.tensor([uniform]))) for uniform in uniforms]
    assert ids == [0, 0, 1, 1, 3, 3]


@given(seed=st.integers(0, 10_000), size=st.integers(1, 5000))
def test_sampling_is_safe_at_the_edges_whatever_the_rounding(seed: int, size: int) -> None:
    logits = 5 * torch.randn(1, size, generator=torch.Generator().manual_seed(seed))
    logits = nn.functional.pad(logits, (2, 2), value=-math.inf)
    first, last = (int(sample_categorical(logits, torch.tensor([edge]))) for edge in (0.0, float(BELOW_ONE)))
    largest = int(sample_categorical(logits, torch.tensor([math.nextafter(1.0, 0.0)], dtype=torch.float64)))
    assert first == 2
    assert first <= last <= largest <= size + 1
