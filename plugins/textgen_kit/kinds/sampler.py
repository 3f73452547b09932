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
from textgen_kit.checking import Subject, expect, shown, skip_unless

VOCAB_SIZE = 40
OTHER_VOCAB_SIZE = 67
NUM_ROWS = 33
NUM_STEPS = 20
PROMPT = np.zeros(1, np.uint16)
"""A prompt of one token, the first, which no check expects to be chosen."""


def check_sampler_ids(subject: Subject) -> None:
    """Logits [batch, vocab] and uniforms [batch] give ids [batch], int64 below the size of the vocabulary.

    They are the next tokens of a sample.
    """
    sizes = ((1, 2, 1.0), (5, 7, 0.0), (33, 67, 2.0), (64, 300, 5.0), (8, 50, 1e4))
    for batch_size, vocab_size, scale in sizes:
        logits, uniforms = random_inputs(batch_size, vocab_size, scale=scale)
        choose = started(subject.new(), [PROMPT] * batch_size, vocab_size)
        for _ in range(3):
            choose(logits, uniforms)


def check_sampler_impossible_token(subject: Subject) -> None:
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
        choose = started(subject.new(), [PROMPT] * batch_size, VOCAB_SIZE)
        for _ in range(3):
            is_wrong = impossible.gather(1, choose(logits, given)[:, None])[:, 0]
            places = given[is_wrong][:1].tolist()
            expect(not places, f"no impossible token; one was chosen for the uniform {places}")


def check_sampler_certain_token(subject: Subject) -> None:
    """A token whose logit is 1000 above all others is chosen.

    Tokens that a model is certain of must be written.
    """
    logits, uniforms = random_inputs(VOCAB_SIZE - 1, VOCAB_SIZE)
    certain = torch.arange(1, VOCAB_SIZE)
    logits.scatter_(1, certain[:, None], 1000.0)
    ids = chosen(subject, logits, uniforms)
    wrong = int((ids != certain).sum())
    expect(wrong == 0, f"the certain token; another was chosen {wrong} of {len(certain)} times")


def check_sampler_likelier_token(subject: Subject) -> None:
    """A likelier token is chosen about as often as a less likely one, or more often.

    Otherwise a sample does not follow the preferences of the model.
    """
    tokens, shares = torch.tensor([17, 33, 5, 29]), torch.tensor([0.9, 0.07, 0.02, 0.01])
    logits = torch.full((1, VOCAB_SIZE), -30.0)
    logits[0, tokens] = shares.log()
    num_draws = 4000
    uniforms = (torch.arange(num_draws) + 0.5) / num_draws
    ids = chosen(subject, logits.repeat(num_draws, 1), uniforms)
    counts = torch.bincount(ids, minlength=VOCAB_SIZE)[tokens]
    is_right = bool((counts[:-1] >= counts[1:] - num_draws // 100).all())
    expect(
        is_right,
        f"tokens of probabilities {shown(shares.tolist(), 70)} to be chosen about in that order; "
        f"they were chosen {counts.tolist()} times in {num_draws}",
    )


def check_sampler_uniforms(subject: Subject) -> None:
    """Other uniforms give other ids, unless the likeliest token is always chosen.

    They are the only randomness: a sampler that ignores them always writes the same text.
    """
    logits, _ = random_inputs(NUM_ROWS, VOCAB_SIZE)
    logits[:, PROMPT] = -30.0
    first, *others = (
        chosen(subject, logits, uniform.repeat(NUM_ROWS)) for uniform in torch.linspace(0.01, 0.99, 15)
    )
    reacts = any(not torch.equal(ids, first) for ids in others)
    is_greedy = torch.equal(logits.gather(1, first[:, None])[:, 0], logits.amax(-1))
    expect(reacts or is_greedy, "other ids for other uniforms, or always the likeliest token; got neither")


def check_sampler_low_temperature(subject: Subject) -> None:
    """At a temperature of 0.0001 the token with the highest logit is chosen.

    A lower temperature means less randomness in every sampler that has one.
    """
    skip_unless("temperature" in declared_options(subject.component), "has no temperature")
    logits = 0.5 * torch.stack([torch.randperm(VOCAB_SIZE, generator=torch.Generator().manual_seed(0))] * 32)
    logits = torch.stack([row.roll(shift) for shift, row in enumerate(logits)])
    logits[:, 0] = -10.0  # the token of the prompt
    _, uniforms = random_inputs(32, VOCAB_SIZE)
    ids = chosen(subject, logits, uniforms, temperature=1e-4)
    wrong = int((ids != logits.argmax(-1)).sum())
    expect(wrong == 0, f"the token with the highest logit; another was chosen {wrong} of 32 times")


def check_sampler_deterministic(subject: Subject) -> None:
    """The same uniforms give the same ids, without other randomness.

    A sample is identified by its seed, from which the uniforms come.
    """
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        results.append(many_steps(subject.new()))
    expect(torch.equal(*results), "the same ids for the same uniforms; they differ")


def check_sampler_batch(subject: Subject) -> None:
    """A row's ids depend neither on the other rows nor on its place among them.

    Otherwise a sample depends on the rest of its batch.
    """
    sampler, rows = subject.new(), range(NUM_ROWS)
    for vocab_size, spells in ((VOCAB_SIZE, False), (OTHER_VOCAB_SIZE, False), (VOCAB_SIZE, True)):
        together = many_steps(sampler, rows, vocab_size, spells=spells)
        alone = torch.cat([many_steps(subject.new(), [row], vocab_size, spells=spells) for row in rows])
        wrong = int((together != alone).any(1).sum())
        expect(wrong == 0, f"the ids of each row alone in a batch of {NUM_ROWS}; {wrong} rows differ")
        backwards = many_steps(sampler, rows[::-1], vocab_size, spells=spells).flip(0)
        expect(torch.equal(backwards, together), "the same ids in a batch in reverse order; they differ")


def check_sampler_start(subject: Subject) -> None:
    """`start` depends on its arguments alone, and the sampler itself remembers nothing.

    Otherwise a sample depends on earlier ones.
    """
    sampler = subject.new()
    skip_unless(hasattr(sampler, "start"), "lacks start, so it remembers nothing")
    first = many_steps(sampler, spells=True)
    is_same = torch.equal(many_steps(sampler, spells=True), first)
    expect(is_same, "the same ids after a second start; the first is remembered")
    prompts = prompts_of(range(NUM_ROWS))
    first_batch, second_batch = (started(sampler, prompts, VOCAB_SIZE, spells=True) for _ in range(2))
    parts = []
    for logits, uniforms in random_steps(VOCAB_SIZE):
        parts.append(first_batch(logits, uniforms))
        second_batch(logits.flip(0), uniforms.flip(0))
    mixed = torch.stack(parts, 1)
    expect(torch.equal(mixed, first), "two batches in turn to continue as each alone; they share memory")


def check_sampler_pure(subject: Subject) -> None:
    """Logits and uniforms are not changed in place.

    They belong to the model and to the generator, which may use them again.
    """
    logits, uniforms = random_inputs(8, VOCAB_SIZE)
    given = logits.clone(), uniforms.clone()
    has_temperature = "temperature" in declared_options(subject.component)
    options = {"temperature": 0.5} if has_temperature else {}  # a division by 1 in place changes nothing
    choose = started(subject.new(**options), prompts_of(range(8)), VOCAB_SIZE)
    for _ in range(2):
        choose(*given)
    expect(torch.equal(given[0], logits), "the logits to stay unchanged; they are changed in place")
    expect(torch.equal(given[1], uniforms), "the uniforms to stay unchanged; they are changed in place")


def check_sampler_shift(subject: Subject) -> None:
    """A constant added to all logits changes nothing.

    Logits determine probabilities only up to a constant, and each model has its own.
    """
    ids = many_steps(subject.new())
    for shift in (8.0, -64.0):
        wrong = int((ids != many_steps(subject.new(), shift=shift)).sum())
        expect(wrong == 0, f"the same ids after a shift of all logits; {wrong} of {ids.numel()} differ")


def vocabulary_of(size: int, *, spells: bool) -> Vocabulary:
    """Return a vocabulary, with `spells` one in which every other token spells out-of-vocabulary words."""
    # From 0, as for continuation bytes, to 3 characters per token.
    tokens = [" abc"[token % 3 > 0 :][: token % 4] or "<0x80>" for token in range(size)]
    spellings = [(-3.0, *(-0.25 * letter for letter in range(word % 7)), -0.5) for word in range(40)]
    fallback = spells & (np.arange(size) % 2 == 1)
    return Vocabulary(tokens, fallback, spellings if spells else ())


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
        cause = "those of sample_categorical are if every token is excluded"
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


def random_steps(vocab_size: int) -> list[tuple[Tensor, Tensor]]:
    """Return the logits and uniforms of all rows, for each step."""
    return [random_inputs(NUM_ROWS, vocab_size, seed=step) for step in range(NUM_STEPS)]


def chosen(subject: Subject, logits: Tensor, uniforms: Tensor, **options: Any) -> Tensor:
    """Return the first ids that a new sampler chooses, after prompts of one token."""
    return started(subject.new(**options), [PROMPT] * len(logits), logits.shape[1])(logits, uniforms)


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
