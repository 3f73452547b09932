"""Checks that a sampler's choice depends on the arguments of its row, and on nothing else."""

from __future__ import annotations

from typing import Any

import torch

from textgen.testing.asserts import CheckSkipped, require
from textgen.testing.process_state import state_unchanged
from textgen.testing.runner import check
from textgen.testing.sampler_inputs import (
    NUM_ROWS,
    OTHER_VOCAB_SIZE,
    VOCAB_SIZE,
    many_steps,
    prompts_of,
    random_inputs,
    random_steps,
    started,
)

__tracebackhide__ = True


@check("sampler")
def check_sampler_deterministic(component: Any, /, **options: Any) -> None:
    """The same uniforms give the same ids, without other randomness.

    A sample is identified by its seed, from which the uniforms come.
    """
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with state_unchanged("the sampler"):
            found.append(many_steps(component(**options)))
    require(torch.equal(*found), "expected the same ids for the same uniforms; they differ")


@check("sampler")
def check_sampler_batch(component: Any, /, **options: Any) -> None:
    """A row's ids depend neither on the other rows nor on its place among them.

    Otherwise a sample depends on the rest of its batch.
    """
    sampler, rows = component(**options), range(NUM_ROWS)
    for vocab_size, spells in ((VOCAB_SIZE, False), (OTHER_VOCAB_SIZE, False), (VOCAB_SIZE, True)):
        together = many_steps(sampler, rows, vocab_size, spells=spells)
        alone = torch.cat(
            [many_steps(component(**options), [row], vocab_size, spells=spells) for row in rows]
        )
        wrong = int((together != alone).any(1).sum())
        require(
            wrong == 0, f"expected the ids of each row alone in a batch of {NUM_ROWS}; {wrong} rows differ"
        )
        backwards = many_steps(sampler, rows[::-1], vocab_size, spells=spells).flip(0)
        require(
            torch.equal(backwards, together), "expected the same ids in a batch in reverse order; they differ"
        )


@check("sampler")
def check_sampler_start(component: Any, /, **options: Any) -> None:
    """`start` depends on its arguments alone, and the sampler itself remembers nothing.

    Otherwise a sample depends on earlier ones.
    """
    sampler = component(**options)
    if not hasattr(sampler, "start"):
        raise CheckSkipped("lacks start, so it remembers nothing")
    first = many_steps(sampler, spells=True)
    again = many_steps(sampler, spells=True)
    require(
        torch.equal(again, first),
        "expected the same ids after a second start; the first is remembered",
    )
    prompts = prompts_of(range(NUM_ROWS))
    first_batch, second_batch = (started(sampler, prompts, VOCAB_SIZE, spells=True) for _ in range(2))
    parts = []
    for logits, uniforms in random_steps(VOCAB_SIZE):
        parts.append(first_batch(logits, uniforms))
        second_batch(logits.flip(0), uniforms.flip(0))
    mixed = torch.stack(parts, 1)
    require(
        torch.equal(mixed, first), "expected two batches in turn to continue as each alone; they share memory"
    )


@check("sampler")
def check_sampler_pure(component: Any, /, **options: Any) -> None:
    """Logits and uniforms are not changed in place.

    They belong to the model and to the generator, which may use them again.
    """
    logits, uniforms = random_inputs(8, VOCAB_SIZE)
    given = logits.clone(), uniforms.clone()
    choose = started(component(**options), prompts_of(range(8)), VOCAB_SIZE)
    for _ in range(2):
        choose(*given)
    require(torch.equal(given[0], logits), "expected the logits to stay unchanged; they are changed in place")
    require(
        torch.equal(given[1], uniforms), "expected the uniforms to stay unchanged; they are changed in place"
    )


@check("sampler")
def check_sampler_shift(component: Any, /, **options: Any) -> None:
    """A constant added to all logits changes nothing.

    Logits determine probabilities only up to a constant, and each model has its own.
    """
    found = [many_steps(component(**options), shift=shift) for shift in (0.0, 8.0, -64.0)]
    for shifted in found[1:]:
        wrong = int((found[0] != shifted).sum())
        require(
            wrong == 0,
            f"expected the same ids after a shift of all logits; {wrong} of {shifted.numel()} differ",
        )
