"""Every sampler draws from its distribution, row by row, and never what is impossible."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from textgen.contracts import Vocabulary
from textgen.generation.bound_sampler import BoundSampler
from textgen.registry.options import build

MINUS_INFINITY = float("-inf")


def sampler(spec: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what chooses the first tokens of a batch, after no prompt."""
    built = build("sampler", spec)

    def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
        size = logits.shape[1]
        vocabulary = Vocabulary(["a"] * size, np.zeros(size, bool))
        ids: Tensor = BoundSampler(built).start([np.zeros(0, int)] * len(logits), vocabulary)(
            logits, uniforms
        )
        return ids

    return choose


def frequencies(spec: str, logits: list[float], num_draws: int = 20_000) -> Tensor:
    """How often each token is drawn."""
    uniforms = torch.rand(num_draws, generator=torch.Generator().manual_seed(0))
    ids = sampler(spec)(torch.tensor([logits]).expand(num_draws, -1), uniforms)
    return torch.bincount(ids, minlength=len(logits)) / num_draws


def softmax(logits: list[float]) -> list[float]:
    probabilities: list[float] = torch.tensor(logits).softmax(0).tolist()
    return probabilities


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_samples_from_the_softmax(temperature: float) -> None:
    logits = [0.0, 1.0, -1.0, MINUS_INFINITY, 0.5]
    drawn = frequencies(f"temperature:temperature={temperature}", logits)
    assert drawn.tolist() == pytest.approx(softmax([logit / temperature for logit in logits]), abs=0.01)


def test_top_k_samples_the_k_best_tokens_only() -> None:
    logits = [0.0, 2.0, 1.0, -1.0]
    best = softmax([2.0, 1.0])
    assert frequencies("top-k:k=2", logits).tolist() == pytest.approx([0, *best, 0], abs=0.01)
    assert frequencies("top-k:k=1", logits).tolist() == [0, 1, 0, 0]
    assert frequencies("top-k:k=9", logits).tolist() == pytest.approx(softmax(logits), abs=0.01)
    cool = softmax([4.0, 2.0])
    assert frequencies("top-k:k=2,temperature=0.5", logits).tolist() == pytest.approx([0, *cool, 0], abs=0.01)


def test_top_p_measures_its_nucleus_after_the_temperature() -> None:
    logits = [math.log(0.6), math.log(0.4)]  # 9/13 and 4/13 at a temperature of one half
    assert frequencies("top-p:p=0.65", logits).tolist() == pytest.approx([0.6, 0.4], abs=0.01)
    assert frequencies("top-p:p=0.65,temperature=0.5", logits).tolist() == [1, 0]


WIDE = [0.15, 0.5, 0.3, 0.05]
FLAT = [0.4, 0.3, 0.2, 0.1]
"""Its entropy is 1.28 nats; the surprisals differ from it by 0.36, 0.08, 0.33 and 1.02."""


@pytest.mark.parametrize(
    ("name", "probabilities", "kept_by_p"),
    [
        (
            "top-p",
            WIDE,
            {0.01: [1], 0.49: [1], 0.51: [1, 2], 0.79: [1, 2], 0.81: [0, 1, 2], 1.0: [0, 1, 2, 3]},
        ),
        (
            "min-p",
            WIDE,
            {1.0: [1], 0.61: [1], 0.59: [1, 2], 0.31: [1, 2], 0.29: [0, 1, 2], 0.01: [0, 1, 2, 3]},
        ),
        ("typical", FLAT, {0.29: [1], 0.31: [1, 2], 0.49: [1, 2], 0.51: [0, 1, 2], 1.0: [0, 1, 2, 3]}),
    ],
)
def test_some_tokens_are_kept_with_their_probabilities(
    name: str, probabilities: list[float], kept_by_p: dict[float, list[int]]
) -> None:
    logits = [math.log(probability) for probability in probabilities]
    for p, kept in kept_by_p.items():
        total = sum(probabilities[token] for token in kept)
        expected = [value / total if token in kept else 0 for token, value in enumerate(probabilities)]
        assert frequencies(f"{name}:p={p}", logits).tolist() == pytest.approx(expected, abs=0.01)
