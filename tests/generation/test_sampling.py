"""Sampling from a categorical distribution with given uniform numbers."""

from __future__ import annotations

import torch

from textgen.generation.sampling import sample_categorical


def test_uniform_numbers_choose_by_the_cumulative_sum() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(6, -1)
    uniforms = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 0.99])
    assert sample_categorical(logits, uniforms).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_token_of_probability_zero_is_never_chosen() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 1.0, -torch.inf]])
    for uniform in (0.0, 0.5, 1 - 2**-24):
        assert sample_categorical(logits, torch.tensor([uniform])).item() in (1, 3)


def test_frequencies_are_the_probabilities() -> None:
    logits = torch.randn(20, generator=torch.Generator().manual_seed(0))
    uniforms = (torch.arange(100_000) + 0.5) / 100_000
    chosen = sample_categorical(logits.expand(100_000, -1), uniforms)
    frequencies = torch.bincount(chosen, minlength=20) / 100_000
    torch.testing.assert_close(frequencies, logits.softmax(-1), atol=2e-5, rtol=0)
