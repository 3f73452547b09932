"""Inputs for samplers, and samplers run for some steps, with or without memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.generation.bound_sampler import BoundSampler
from textgen.generation.word_temperature import Choose

VOCAB_SIZE = 40
OTHER_VOCAB_SIZE = 67
NUM_ROWS = 33
NUM_STEPS = 20
PROMPT = np.zeros(1, np.uint16)
"""A prompt of one token, the first, which no check expects to be chosen."""


def vocabulary_of(size: int, *, spells: bool) -> Vocabulary:
    """Return a vocabulary, with `spells` one in which every other token spells out-of-vocabulary words."""
    # From 0, as for continuation bytes, to 3 characters per token.
    tokens = [" abc"[token % 3 > 0 :][: token % 4] or "<0x80>" for token in range(size)]
    spellings = [(-3.0, *(-0.25 * letter for letter in range(word % 7)), -0.5) for word in range(40)]
    fallback = spells & (np.arange(size) % 2 == 1)
    return Vocabulary(tokens, fallback, spellings if spells else ())


def started(sampler: Any, prompts: Sequence[TokenIds], vocab_size: int, *, spells: bool = False) -> Choose:
    """Return the function that chooses the next ids of a new batch, once per step."""
    return BoundSampler(sampler).start(prompts, vocabulary_of(vocab_size, spells=spells))


def prompts_of(rows: Sequence[int]) -> list[TokenIds]:
    """Return a prompt for each row, with as many tokens as the number of the row."""
    return [np.arange(row, dtype=np.uint16) * 3 % VOCAB_SIZE for row in rows]


def random_inputs(
    batch_size: int, vocab_size: int, seed: int = 0, scale: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Return logits, which are multiples of 1/8, and uniforms."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch_size, vocab_size, generator=generator) * scale
    return (logits * 8).round() / 8, torch.rand(batch_size, generator=generator)


def random_steps(vocab_size: int) -> list[tuple[Tensor, Tensor]]:
    """Return the logits and uniforms of all rows, for each step."""
    return [random_inputs(NUM_ROWS, vocab_size, seed=step) for step in range(NUM_STEPS)]


def many_steps(
    sampler: Any,
    rows: Sequence[int] = range(NUM_ROWS),
    vocab_size: int = VOCAB_SIZE,
    shift: float = 0.0,
    *,
    spells: bool = False,
) -> Tensor:
    """Return the ids [len(rows), steps] that a sampler chooses for a new batch of some rows."""
    choose, rows = started(sampler, prompts_of(rows), vocab_size, spells=spells), list(rows)
    steps = random_steps(vocab_size)
    return torch.stack([choose(logits[rows] + shift, uniforms[rows]) for logits, uniforms in steps], 1)
