"""Checks of the tokens that samplers choose."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.registry.options import declared_options
from textgen.testing.asserts import CheckSkipped, require, shown
from textgen.testing.runner import check
from textgen.testing.sampler_inputs import NUM_ROWS, PROMPT, VOCAB_SIZE, random_inputs, started

__tracebackhide__ = True


@check("sampler")
def check_sampler_ids(component: Any, /, **options: Any) -> None:
    """Logits [batch, vocab] and uniforms [batch] give ids [batch], int64 below the size of the vocabulary.

    They are the next tokens of a sample.
    """
    for batch_size, vocab_size, scale in (
        (1, 2, 1.0),
        (5, 7, 0.0),
        (33, 67, 2.0),
        (64, 300, 5.0),
        (8, 50, 1e4),
    ):
        logits, uniforms = random_inputs(batch_size, vocab_size, scale=scale)
        choose = started(component(**options), [PROMPT] * batch_size, vocab_size)
        for _ in range(3):
            ids = choose(logits, uniforms)
            require(isinstance(ids, Tensor), f"expected a tensor of ids; got {shown(ids)}")
            kind = f"{list(ids.shape)} of {ids.dtype}"
            is_row = ids.shape == (batch_size,) and ids.dtype == torch.int64
            require(is_row, f"expected ids [{batch_size}] of torch.int64; got {kind}")
            outside = ids[(ids < 0) | (ids >= vocab_size)][:1].tolist()
            require(not outside, f"expected ids below {vocab_size}; got {outside}")


@check("sampler")
def check_sampler_impossible_token(component: Any, /, **options: Any) -> None:
    """A token with a logit of minus infinity is never chosen, whatever the uniform number.

    That is how models exclude tokens.
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
        choose = started(component(**options), [PROMPT] * batch_size, VOCAB_SIZE)
        for _ in range(3):
            is_wrong = impossible.gather(1, choose(logits, given)[:, None])[:, 0]
            places = given[is_wrong][:1].tolist()
            require(not places, f"expected no impossible token; one was chosen for the uniform {places}")


@check("sampler")
def check_sampler_certain_token(component: Any, /, **options: Any) -> None:
    """A token whose logit is 1000 above all others is chosen.

    Tokens that a model is certain of must be written.
    """
    logits, uniforms = random_inputs(VOCAB_SIZE - 1, VOCAB_SIZE)
    certain = torch.arange(1, VOCAB_SIZE)
    logits.scatter_(1, certain[:, None], 1000.0)
    ids = started(component(**options), [PROMPT] * len(certain), VOCAB_SIZE)(logits, uniforms)
    wrong = int((ids != certain).sum())
    require(wrong == 0, f"expected the certain token; another was chosen {wrong} of {len(certain)} times")


@check("sampler")
def check_sampler_likelier_token(component: Any, /, **options: Any) -> None:
    """A likelier token is chosen about as often as a less likely one, or more often.

    Otherwise a sample does not follow the preferences of the model.
    """
    tokens, shares = torch.tensor([17, 33, 5, 29]), torch.tensor([0.9, 0.07, 0.02, 0.01])
    logits = torch.full((1, VOCAB_SIZE), -30.0)
    logits[0, tokens] = shares.log()
    num_draws = 4000
    uniforms = (torch.arange(num_draws) + 0.5) / num_draws
    choose = started(component(**options), [PROMPT] * num_draws, VOCAB_SIZE)
    counts = torch.bincount(choose(logits.repeat(num_draws, 1), uniforms), minlength=VOCAB_SIZE)[tokens]
    is_right = bool((counts[:-1] >= counts[1:] - num_draws // 100).all())
    require(
        is_right,
        f"expected tokens of probabilities {shown(shares.tolist(), 70)} to be chosen about in that order; "
        f"they were chosen {counts.tolist()} times in {num_draws}",
    )


@check("sampler")
def check_sampler_uniforms(component: Any, /, **options: Any) -> None:
    """Other uniforms give other ids, unless the likeliest token is always chosen.

    They are the only randomness: a sampler that ignores them always writes the same text.
    """
    logits, _ = random_inputs(NUM_ROWS, VOCAB_SIZE)
    logits[:, PROMPT] = -30.0
    found = []
    for uniform in torch.linspace(0.01, 0.99, 15):
        choose = started(component(**options), [PROMPT] * NUM_ROWS, VOCAB_SIZE)
        found.append(choose(logits, uniform.repeat(NUM_ROWS)))
    reacts = any(not torch.equal(ids, found[0]) for ids in found)
    is_greedy = torch.equal(logits.gather(1, found[0][:, None])[:, 0], logits.amax(-1))
    require(
        reacts or is_greedy,
        "expected other ids for other uniforms, or always the likeliest token; got neither",
    )


@check("sampler")
def check_sampler_low_temperature(component: Any, /, **options: Any) -> None:
    """At a temperature of 0.0001 the token with the highest logit is chosen.

    A lower temperature means less randomness in every sampler that has one.
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
    require(wrong == 0, f"expected the token with the highest logit; another was chosen {wrong} of 32 times")
