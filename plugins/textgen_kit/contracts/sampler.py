"""Checks of samplers: what they choose, which depends on the arguments of the row and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TokenIds, Vocabulary
from textgen.generation.bound_sampler import BoundSampler
from textgen.generation.sampling import Choose, WordSampler
from textgen.registry.options import declared_options
from textgen_kit.subject import Subject, expect, expect_same, shown

VOCAB_SIZE = 40
NUM_ROWS, NUM_STEPS, NUM_DRAWS = 33, 8, 4000
PROMPT = np.zeros(1, np.uint16)
"""A prompt of one token, the first, which no check expects to be chosen."""
LARGEST = float(np.nextafter(np.float32(1), np.float32(0)))


def check_ids(subject: Subject) -> None:
    """Logits [batch, vocab] and uniforms [batch] give ids [batch], int64 below the size of the vocabulary."""
    sizes = ((1, 2, 1.0), (5, 7, 0.0), (33, 67, 2.0), (64, 300, 5.0), (8, 50, 1e4))
    sampler = subject.new()
    for batch_size, vocab_size, scale in sizes:
        logits, uniforms = random_inputs(batch_size, vocab_size, scale=scale)
        choose = started(sampler, [PROMPT] * batch_size, vocab_size)
        for _ in range(3):
            choose(logits, uniforms)


def check_impossible_token(subject: Subject) -> None:
    """A token with a logit of minus infinity is never chosen, whatever the uniform number."""
    logits, uniforms = random_inputs(64, VOCAB_SIZE, scale=3.0)
    impossible = torch.rand(logits.shape, generator=torch.Generator().manual_seed(1)) < 0.8
    impossible[torch.arange(64), torch.arange(64) % VOCAB_SIZE] = False
    impossible[:4] = torch.arange(VOCAB_SIZE) != VOCAB_SIZE // 2  # one alone is possible
    logits = logits.masked_fill(impossible, float("-inf"))
    for given in (torch.zeros_like(uniforms), uniforms, torch.full_like(uniforms, LARGEST)):
        is_wrong = impossible.gather(1, chosen(subject, logits, given)[:, None])[:, 0]
        places = given[is_wrong][:1].tolist()
        expect(not places, f"no impossible token; one was chosen for the uniform {places}")


def check_likelier_token(subject: Subject) -> None:
    """A likelier token is chosen more often, a certain one always, and the likeliest at a low temperature."""
    tokens, shares = torch.tensor([17, 33, 5, 29]), torch.tensor([0.9, 0.07, 0.02, 0.01])
    logits = torch.full((1, VOCAB_SIZE), -30.0).scatter(1, tokens[None], shares.log()[None])
    ids = chosen(subject, logits.repeat(NUM_DRAWS, 1), (torch.arange(NUM_DRAWS) + 0.5) / NUM_DRAWS)
    counts = torch.bincount(ids, minlength=VOCAB_SIZE)[tokens]
    expect(
        bool((counts[:-1] >= counts[1:] - NUM_DRAWS // 100).all()),
        f"tokens with probabilities {shown(shares.tolist(), 70)} chosen roughly in that order; "
        f"they were chosen {counts.tolist()} times in {NUM_DRAWS}",
    )
    ranks = torch.stack([torch.arange(VOCAB_SIZE).roll(shift) for shift in range(1, VOCAB_SIZE - 1)])
    ranks[:, PROMPT] = -20
    _, uniforms = random_inputs(len(ranks), VOCAB_SIZE)
    settings: list[tuple[float, dict[str, Any]]] = [(1000.0, {})]
    if "temperature" in declared_options(subject.component):
        settings.append((0.5, {"temperature": 1e-4}))
    for scale, options in settings:
        wrong = int((chosen(subject, scale * ranks, uniforms, **options) != ranks.argmax(-1)).sum())
        what = f"with logits {scale} apart and the options {options}"
        expect(not wrong, f"the likeliest token {what}; another was chosen {wrong} of {len(ranks)} times")


def check_uniforms(subject: Subject) -> None:
    """Other uniforms give other ids, unless the likeliest token is always chosen."""
    logits, _ = random_inputs(NUM_ROWS, VOCAB_SIZE)
    logits[:, PROMPT] = -30.0
    first, *others = (
        chosen(subject, logits, uniform.repeat(NUM_ROWS)) for uniform in torch.linspace(0.01, 0.99, 15)
    )
    reacts = any(not torch.equal(ids, first) for ids in others)
    is_greedy = torch.equal(logits.gather(1, first[:, None])[:, 0], logits.amax(-1))
    expect(reacts or is_greedy, "different ids for different uniforms, or always the likeliest; got neither")


def check_batch(subject: Subject) -> None:
    """A row's ids depend neither on the other rows, nor on its place, nor on a batch at the same time."""
    sampler, rows = subject.new(), range(NUM_ROWS)
    together = ids_of(sampler)
    alone = [ids_of(subject.new(), [row])[0] for row in rows]
    expect_same(alone, together, f"the ids of each row alone in a batch of {NUM_ROWS}")
    expect_same(together, ids_of(sampler, rows[::-1])[::-1], "the same ids in a batch in reverse order")
    first, second = (started(sampler, prompts_of(rows), VOCAB_SIZE, spells=True) for _ in range(2))
    steps = [random_inputs(NUM_ROWS, VOCAB_SIZE, seed=step) for step in range(NUM_STEPS)]
    mixed = [(first(*each), second(*(part.flip(0) for part in each)))[0] for each in steps]
    expect_same(together, torch.stack(mixed, 1).tolist(), "two interleaved batches to continue as each alone")


def check_logits(subject: Subject) -> None:
    """Logits and uniforms are not changed in place, and a constant added to all logits changes nothing."""
    logits, uniforms = random_inputs(8, VOCAB_SIZE)
    given = logits.clone(), uniforms.clone()
    has_temperature = "temperature" in declared_options(subject.component)
    options: dict[str, Any] = {"temperature": 0.5} if has_temperature else {}  # dividing by 1 changes nothing
    chosen(subject, *given, **options)
    for name, before, after in zip(("logits", "uniforms"), (logits, uniforms), given, strict=True):
        expect(torch.equal(before, after), f"the {name} to stay unchanged; they are changed in place")
    ids = ids_of(subject.new())
    for shift in (8.0, -64.0):
        expect_same(ids, ids_of(subject.new(), shift=shift), "the same ids after a shift of all logits")


def vocabulary_of(size: int, *, spells: bool) -> Vocabulary:
    """Return a vocabulary, with `spells` one in which every other token spells out-of-vocabulary words."""
    # From 0, as for continuation bytes, to 3 characters per token.
    tokens = [" abc"[token % 3 > 0 :][: token % 4] or "<0x80>" for token in range(size)]
    spellings = [(-3.0, *(-0.25 * letter for letter in range(word % 7)), -0.5) for word in range(40)]
    return Vocabulary(tokens, spells & (np.arange(size) % 2 == 1), spellings if spells else ())


def started(sampler: Any, prompts: Sequence[TokenIds], vocab_size: int, *, spells: bool = False) -> Choose:
    """Return the function that chooses the next ids of a new batch, once per step.

    It raises `CheckError` unless they are ids of tokens, one per row.
    """
    if isinstance(sampler, WordSampler):
        kept: Any = sampler.truncate(torch.zeros(1, 2), torch.zeros(1))
        is_pair = isinstance(kept, tuple) and len(kept) == 2 and isinstance(kept[1], Tensor)
        what = "a tuple of the candidates (None for all) and their log-weights from truncate"
        expect(is_pair, f"{what}; got {type(kept).__name__}")
    choose = BoundSampler(sampler).start(prompts, vocabulary_of(vocab_size, spells=spells))

    def checked(logits: Tensor, uniforms: Tensor) -> Tensor:
        ids = choose(logits, uniforms)
        expect(isinstance(ids, Tensor), f"a tensor of ids; got {shown(ids)}")
        is_row = ids.shape == uniforms.shape and ids.dtype == torch.int64
        kind = f"{list(ids.shape)} of {ids.dtype}"
        expect(is_row, f"ids {list(uniforms.shape)} of torch.int64; got {kind}")
        outside = ids[(ids < 0) | (ids >= vocab_size)][:1].tolist()
        cause = "sample_categorical returns such ids if all tokens are excluded"
        expect(not outside, f"ids below {vocab_size}; got {outside}; {cause}")
        return ids

    return checked


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


def chosen(subject: Subject, logits: Tensor, uniforms: Tensor, **options: Any) -> Tensor:
    """Return the first ids that a new sampler chooses, after prompts of one token."""
    return started(subject.new(**options), [PROMPT] * len(logits), logits.shape[1])(logits, uniforms)


def ids_of(sampler: Any, rows: Sequence[int] = range(NUM_ROWS), shift: float = 0.0) -> list[list[int]]:
    """Return the ids of each row, step by step, that a sampler chooses for a new batch of some rows."""
    choose, rows = started(sampler, prompts_of(rows), VOCAB_SIZE, spells=True), list(rows)
    steps = (random_inputs(NUM_ROWS, VOCAB_SIZE, seed=step) for step in range(NUM_STEPS))
    ids = [choose(logits[rows] + shift, uniforms[rows]) for logits, uniforms in steps]
    return torch.stack(ids, 1).tolist()


CHECKS = (check_ids, check_impossible_token, check_likelier_token, check_uniforms, check_batch, check_logits)
