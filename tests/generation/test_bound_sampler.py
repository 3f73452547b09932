"""A sampler as the core uses it: with a memory or without, and its choices are checked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from textgen.contracts import Vocabulary
from textgen.generation.bound_sampler import BoundSampler
from textgen.generation.sampling import Choose, sample_categorical
from textgen.registry.registry import PluginError

VOCABULARY = Vocabulary(list("abcd"), np.zeros(4, bool))


class Cycle:
    """A sampler that chooses the tokens in turn, and counts for each batch."""

    def start(self, prompts: Any, vocabulary: Any) -> Choose:  # noqa: ARG002
        step = -1

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:  # noqa: ARG001
            nonlocal step
            step += 1
            return torch.full((len(logits),), step % logits.shape[1])

        return choose


def test_a_stateful_sampler_starts_again_with_each_batch() -> None:
    sampler, logits, uniforms = BoundSampler(Cycle()), torch.zeros(2, 4), torch.zeros(2)
    for _ in range(2):
        choose = sampler.start([np.zeros(1, int)] * 2, VOCABULARY)
        assert [choose(logits, uniforms).tolist() for _ in range(5)] == [[n % 4] * 2 for n in range(5)]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([1, 2, 3], r"returned list instead of ids \[3\]$"),
        (torch.zeros(3), r"returned torch.float32 \[3\] instead of ids \[3\]$"),
        (torch.zeros(2, dtype=torch.long), r"returned torch.int64 \[2\] instead of ids \[3\]$"),
        (torch.tensor([0, 1, 4]), "returned a token id outside 0…3$"),
        (torch.tensor([0, -1, 3]), "returned a token id outside 0…3$"),
    ],
)
def test_what_is_not_an_id_for_each_row_is_an_error_before_training(chosen: Any, message: str) -> None:
    def wrong(logits: Tensor, uniforms: Tensor) -> Any:  # noqa: ARG001
        return chosen

    with pytest.raises(PluginError, match=message):
        BoundSampler(wrong).try_out()


# --- sampling from a categorical distribution with given uniform numbers


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
