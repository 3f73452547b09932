"""Samplers at work, those that remember what they drew included.

A sampler that remembers has `start(prompts, num_chars)` in place of `__call__`; what it returns is called
once per step, and is all that remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__tracebackhide__ = True

Draw = Callable[[Tensor, Tensor], Tensor]

VOCAB_SIZE = 40
OTHER_VOCAB_SIZE = 67
NUM_ROWS = 33
NUM_STEPS = 20
PROMPT = np.zeros(1, np.int32)
"""A single token, the first; the checks that know which token must come choose another."""


def started(sampler: Any, prompts: Sequence[NDArray[np.int32]], vocab_size: int) -> Draw:
    """Return what is called once per step: what `start` returns, or the sampler itself."""
    if not hasattr(sampler, "start"):
        draw: Draw = sampler
        return draw
    # As if some tokens were the tails of characters, most one character, some words.
    num_chars = np.arange(vocab_size, dtype=np.int64) % 4
    begun: Draw = sampler.start(prompts, num_chars)
    return begun


def prompts_of(rows: Sequence[int]) -> list[NDArray[np.int32]]:
    """Return a prompt for each row, of another length each; that of row 0 is empty."""
    return [np.arange(row, dtype=np.int32) * 3 % VOCAB_SIZE for row in rows]


def random_inputs(
    batch_size: int, vocab_size: int, seed: int = 0, scale: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Return logits, all of them multiples of 1/8, and uniforms."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch_size, vocab_size, generator=generator) * scale
    return (logits * 8).round() / 8, torch.rand(batch_size, generator=generator)


def random_steps(vocab_size: int) -> list[tuple[Tensor, Tensor]]:
    """Return logits and uniforms of all rows for each of some steps."""
    return [random_inputs(NUM_ROWS, vocab_size, seed=step) for step in range(NUM_STEPS)]


def many_steps(
    sampler: Any, rows: Sequence[int] = range(NUM_ROWS), vocab_size: int = VOCAB_SIZE, shift: float = 0.0
) -> Tensor:
    """Return the ids [len(rows), steps] that a new batch of some rows gets."""
    draw, chosen = started(sampler, prompts_of(rows), vocab_size), list(rows)
    steps = random_steps(vocab_size)
    return torch.stack([draw(logits[chosen] + shift, uniforms[chosen]) for logits, uniforms in steps], 1)
