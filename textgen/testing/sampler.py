"""The checks of samplers, those that remember what they drew included.

A sampler that remembers has `begin(prompts, num_chars)` in place of `__call__`; what it returns is called
once per step, and is all that remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.options import declared_options
from textgen.testing.exam import check
from textgen.testing.expectations import CheckSkipped, require, shown
from textgen.testing.global_state import untouched

__tracebackhide__ = True

Draw = Callable[[Tensor, Tensor], Tensor]

VOCAB_SIZE = 40
NUM_STEPS = 20
PROMPT = np.zeros(1, np.int32)
"""A single token, the first; the checks that know which token must come choose another."""


@check("sampler")
def check_sampler_ids(component: Any, /, **options: Any) -> None:
    """Logits [batch, vocab] and uniforms [batch] give ids [batch], int64 below the size of the vocabulary.

    They are the next tokens of the model.
    """
    for batch_size, vocab_size, scale in ((1, 2, 1.0), (5, 7, 0.0), (64, 300, 5.0), (8, 50, 1e4)):
        logits, uniforms = random_inputs(batch_size, vocab_size, scale=scale)
        draw = started(component(**options), [PROMPT] * batch_size, vocab_size)
        for _ in range(3):
            ids = draw(logits, uniforms)
            require(isinstance(ids, Tensor), f"expected a tensor of ids; got {shown(ids)}")
            kind = f"{list(ids.shape)} of {ids.dtype}"
            is_row = ids.shape == (batch_size,) and ids.dtype == torch.int64
            require(is_row, f"expected ids [{batch_size}] of torch.int64; got {kind}")
            outside = ids[(ids < 0) | (ids >= vocab_size)][:1].tolist()
            require(not outside, f"expected ids below {vocab_size}; got {outside}")


@check("sampler")
def check_sampler_impossible_token(component: Any, /, **options: Any) -> None:
    """A token with a logit of minus infinity is never drawn, whatever the uniform number.

    Models exclude tokens so.
    """
    batch_size = 64
    generator = torch.Generator().manual_seed(1)
    logits, uniforms = random_inputs(batch_size, VOCAB_SIZE, scale=3.0)
    impossible = torch.rand(batch_size, VOCAB_SIZE, generator=generator) < 0.8
    impossible[torch.arange(batch_size), torch.arange(batch_size) % VOCAB_SIZE] = False
    impossible[:4] = torch.arange(VOCAB_SIZE) != VOCAB_SIZE // 2  # one alone is possible
    logits = logits.masked_fill(impossible, float("-inf"))
    largest = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
    for given in (torch.zeros_like(uniforms), uniforms, torch.full_like(uniforms, float(largest))):
        draw = started(component(**options), [PROMPT] * batch_size, VOCAB_SIZE)
        for _ in range(3):
            is_wrong = impossible.gather(1, draw(logits, given)[:, None])[:, 0]
            places = given[is_wrong][:1].tolist()
            require(not places, f"expected no impossible token; one was drawn for the uniform {places}")


@check("sampler")
def check_sampler_certain_token(component: Any, /, **options: Any) -> None:
    """A token with a logit that is 1000 above all others is drawn.

    What a model is sure of, it writes.
    """
    logits, uniforms = random_inputs(VOCAB_SIZE - 1, VOCAB_SIZE)
    certain = torch.arange(1, VOCAB_SIZE)
    logits.scatter_(1, certain[:, None], 1000.0)
    ids = started(component(**options), [PROMPT] * len(certain), VOCAB_SIZE)(logits, uniforms)
    wrong = int((ids != certain).sum())
    require(
        wrong == 0, f"expected the token that is certain; {wrong} of {len(certain)} times another was drawn"
    )


@check("sampler")
def check_sampler_low_temperature(component: Any, /, **options: Any) -> None:
    """At a temperature of 0.0001 the token with the highest logit is drawn.

    Lower temperatures are safer, in every sampler that has one.
    """
    if "temperature" not in declared_options(component):
        raise CheckSkipped("has no temperature")
    logits = 0.5 * torch.stack([torch.randperm(VOCAB_SIZE, generator=torch.Generator().manual_seed(0))] * 32)
    logits = torch.stack([row.roll(shift) for shift, row in enumerate(logits)])
    logits[:, 0] = -10.0  # the token of the prompt
    _, uniforms = random_inputs(32, VOCAB_SIZE)
    sampler = component(**options | {"temperature": 1e-4})
    ids = started(sampler, [PROMPT] * 32, VOCAB_SIZE)(logits, uniforms)
    wrong = int((ids != logits.argmax(-1)).sum())
    require(wrong == 0, f"expected the token with the highest logit; {wrong} of 32 times another was drawn")


@check("sampler")
def check_sampler_deterministic(component: Any, /, **options: Any) -> None:
    """The same uniforms give the same ids, and no other randomness is used.

    A sample is told by its seed, from which the uniforms come.
    """
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with untouched("the sampler"):
            found.append(many_steps(component(**options)))
    require(torch.equal(*found), "expected the same ids for the same uniforms; got others")


@check("sampler")
def check_sampler_batch(component: Any, /, **options: Any) -> None:
    """A row's ids do not depend on the other rows, nor on its place among them.

    Else a sample depends on what else is sampled.
    """
    sampler = component(**options)
    together = many_steps(sampler)
    alone = torch.cat([many_steps(component(**options), [row]) for row in range(8)])
    wrong = int((together != alone).any(1).sum())
    require(wrong == 0, f"expected the ids of each row alone in a batch of 8; {wrong} rows differ")
    backwards = many_steps(sampler, list(reversed(range(8)))).flip(0)
    require(
        torch.equal(backwards, together), "expected the same ids in a batch in reverse order; they differ"
    )


@check("sampler")
def check_sampler_begin(component: Any, /, **options: Any) -> None:
    """`begin` starts from nothing but its arguments, and the sampler itself remembers nothing.

    Else a sample depends on those drawn before.
    """
    sampler = component(**options)
    if not hasattr(sampler, "begin"):
        raise CheckSkipped("has no begin, so it remembers nothing")
    first = many_steps(sampler)
    again = many_steps(sampler)
    require(
        torch.equal(again, first), "expected the same ids after beginning again; what was drawn is remembered"
    )
    one, other = (started(sampler, prompts_of(range(8)), VOCAB_SIZE) for _ in range(2))
    steps = random_steps()
    parts = []
    for logits, uniforms in steps:
        parts.append(one(logits, uniforms))
        other(logits.flip(0), uniforms.flip(0))
    mixed = torch.stack(parts, 1)
    require(
        torch.equal(mixed, first), "expected two batches in turn to go on as each alone; they share a memory"
    )


@check("sampler")
def check_sampler_pure(component: Any, /, **options: Any) -> None:
    """Logits and uniforms are not changed in place.

    They belong to the model and to the generator, which may use them again.
    """
    logits, uniforms = random_inputs(8, VOCAB_SIZE)
    given = logits.clone(), uniforms.clone()
    draw = started(component(**options), prompts_of(range(8)), VOCAB_SIZE)
    for _ in range(2):
        draw(*given)
    require(
        torch.equal(given[0], logits), "expected the logits to be left as they are; they are changed in place"
    )
    require(torch.equal(given[1], uniforms), "expected the uniforms to be left as they are; they are changed")


@check("sampler")
def check_sampler_shift(component: Any, /, **options: Any) -> None:
    """A constant added to all logits changes nothing.

    Logits mean probabilities only up to a constant, and each model has its own.
    """
    found = [many_steps(component(**options), shift=shift) for shift in (0.0, 8.0, -64.0)]
    for other in found[1:]:
        wrong = int((found[0] != other).sum())
        require(
            wrong == 0,
            f"expected the same ids after a shift of all logits; {wrong} of {other.numel()} differ",
        )


def started(sampler: Any, prompts: Sequence[NDArray[np.int32]], vocab_size: int) -> Draw:
    """Return what is called once per step: what `begin` returns, or the sampler itself."""
    if not hasattr(sampler, "begin"):
        draw: Draw = sampler
        return draw
    # As if some tokens were the tails of characters, most one character, some words.
    num_chars = np.arange(vocab_size, dtype=np.int64) % 4
    begun: Draw = sampler.begin(prompts, num_chars)
    return begun


def prompts_of(rows: Sequence[int]) -> list[NDArray[np.int32]]:
    """Return a prompt for each row, of another length each."""
    return [np.arange(row + 1, dtype=np.int32) * 3 % VOCAB_SIZE for row in rows]


def random_inputs(
    batch_size: int, vocab_size: int, seed: int = 0, scale: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Return logits, all of them multiples of 1/8, and uniforms."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch_size, vocab_size, generator=generator) * scale
    return (logits * 8).round() / 8, torch.rand(batch_size, generator=generator)


def random_steps() -> list[tuple[Tensor, Tensor]]:
    """Return logits and uniforms of 8 rows for each of some steps."""
    return [random_inputs(8, VOCAB_SIZE, seed=step) for step in range(NUM_STEPS)]


def many_steps(sampler: Any, rows: Sequence[int] = range(8), shift: float = 0.0) -> Tensor:
    """Return the ids [len(rows), steps] that a new batch of some rows gets."""
    draw, rows = started(sampler, prompts_of(rows), VOCAB_SIZE), list(rows)
    return torch.stack([draw(logits[rows] + shift, uniforms[rows]) for logits, uniforms in random_steps()], 1)
