"""Samplers that remember what they chose: mirostat holds a level of surprise, repetition breaks loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from textgen.contracts import Vocabulary
from textgen.registry.options import build

NUM_CHARS = np.array([1, 1, 2, 3, 0])
"""Of five tokens; the last one is the tail of a character."""

Choose = Callable[[Tensor, Tensor], Tensor]


def begin(spec: str, prompts: Sequence[Sequence[int]], num_chars: np.ndarray = NUM_CHARS) -> Choose:
    tokens = ["a" * number or "<0x80>" for number in num_chars]
    vocabulary = Vocabulary(tokens, np.zeros(len(tokens), bool))
    choose: Choose = build("sampler", spec).start([np.array(ids, int) for ids in prompts], vocabulary)
    return choose


def walk(choose: Choose, logits: Tensor, num_steps: int, seed: int = 0) -> Tensor:
    """Return the ids [steps, batch] that are chosen from the same logits again and again."""
    uniforms = torch.rand(num_steps, len(logits), generator=torch.Generator().manual_seed(seed))
    return torch.stack([choose(logits, row) for row in uniforms])


# --- mirostat


@pytest.mark.parametrize("num_chars", [np.ones(100, int), np.repeat([3, 2, 4, 1], 25)], ids=["char", "word"])
def test_mirostat_keeps_the_surprisal_per_character_near_tau(num_chars: np.ndarray) -> None:
    logits = 4 * torch.randn(2000, 4, 100, generator=torch.Generator().manual_seed(1))
    surprise, lengths = -logits.log_softmax(-1) / math.log(2), torch.from_numpy(num_chars)
    least = float(surprise.amin(-1).mean() / num_chars.mean())  # of the most probable token each time
    free = float((surprise * logits.softmax(-1)).sum(-1).mean() / num_chars.mean())
    target = (least + free) / 2
    assert least < 0.8 * target < 0.6 * free
    uniforms = torch.rand(2000, 4, generator=torch.Generator().manual_seed(2))
    choose = begin(f"mirostat:tau={target}", [[]] * 4, num_chars)
    ids = torch.stack([choose(row, uniform) for row, uniform in zip(logits, uniforms, strict=True)])
    reached = surprise.gather(2, ids[..., None])[..., 0].sum(0) / lengths[ids].sum(0)
    assert reached.tolist() == pytest.approx([target] * 4, rel=0.03)


@pytest.mark.slow
def test_mirostat_leaves_a_model_below_tau_alone() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, 0.5]])
    ids = walk(begin("mirostat:tau=9", [[]] * 100), logits.expand(100, 5), 200).flatten()
    drawn = torch.bincount(ids, minlength=5) / len(ids)
    assert drawn.tolist() == pytest.approx(logits[0].softmax(0).tolist(), abs=0.01)


def test_the_limit_of_mirostat_falls_soon_after_a_long_predictable_stretch() -> None:
    choose = begin("mirostat:tau=1", [[]], np.ones(64, int))
    dull = torch.tensor([[20.0] + [0.0] * 63])
    walk(choose, dull, 500)
    even = torch.zeros(1, 64)
    even[0, 0] = 6.0
    ids = walk(choose, even, 2000)[200:, 0]
    surprise = -even[0].log_softmax(0)[ids] / math.log(2)
    assert float(surprise.mean()) == pytest.approx(1.0, rel=0.05)


# --- repetition


def repeated_chars(past: Sequence[int], token: int, window: int) -> int:
    """What the end of the text, with `token`, shares with an earlier place, the slow way."""
    best = 0
    for place, other in enumerate(past):
        distance = int(NUM_CHARS[list(past[place + 1 :])].sum())
        if other != token or distance >= window:
            continue
        shared, back = int(NUM_CHARS[token]), 1
        while place - back >= 0 and past[place - back] == past[len(past) - back]:
            shared += int(NUM_CHARS[past[place - back]])
            back += 1
        best = max(best, shared)
    return best


@given(
    prompt=st.lists(st.integers(0, 4), max_size=12),
    written=st.lists(st.integers(0, 4), max_size=12),
    allowed_length=st.integers(0, 6),
    window=st.integers(1, 20),
)
def test_each_character_beyond_the_allowed_length_divides_the_probability(
    prompt: list[int], written: list[int], allowed_length: int, window: int
) -> None:
    spec = f"dry:penalty=3,allowed_length={allowed_length},window={window},temperature=1"
    logits = torch.tensor([[0.5, 0.1, -0.2, 0.3, 0.0]])
    choose = begin(spec, [prompt, [1, 1]])
    for token in written:  # made certain, so that it is what is written
        forced = torch.full((2, 5), -200.0)
        forced[:, token] = 200.0
        choose(forced, torch.tensor([0.5, 0.5]))
    past = prompt + written
    excess = [max(0, repeated_chars(past, token, window) - allowed_length) for token in range(5)]
    wanted = (logits[0] - math.log(3) * torch.tensor(excess)).softmax(0)
    uniforms = torch.arange(0.5, 200) / 200
    begun = begin(spec, [past] * 200)  # what was written counts as much as what was given
    drawn = torch.bincount(begun(logits.expand(200, -1), uniforms), minlength=5) / 200
    assert drawn.tolist() == pytest.approx(wanted.tolist(), abs=0.02)
    assert int(choose(logits.expand(2, -1), uniforms[:2])[0]) == int(wanted.argmax())


def test_an_endless_loop_of_the_model_is_broken() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0, -1.0]])
    loop = walk(begin("dry:penalty=1,temperature=0.01", [[]]), logits, 60)[:, 0].tolist()
    assert loop == [0] * 60
    ids = walk(begin("dry:temperature=0.01", [[]]), logits, 60)[:, 0].tolist()
    first = ids.index(1)
    assert 12 < first < 20  # what is allowed, and more until the penalty outweighs the logits
    assert ids[:first] == [0] * first


def test_the_prompt_counts_and_what_is_out_of_the_window_does_not() -> None:
    logits = torch.tensor([[0.2, 0.0, 0.0, 0.0, 0.0]])
    spec = "dry:penalty=9,allowed_length=0,temperature=0.01,window="
    half = torch.tensor([0.5])
    assert int(begin(spec + "10", [[]])(logits, half)) == 0
    assert int(begin(spec + "10", [[0, 2, 3]])(logits, half)) != 0
    assert int(begin(spec + "5", [[0, 2, 3]])(logits, half)) == 0  # five characters follow


def test_without_repetition_dry_samples_like_top_p() -> None:
    logits = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    uniforms = torch.rand(8, generator=torch.Generator().manual_seed(1))
    ids = begin("dry:p=0.7,temperature=0.9", [[]] * 8)(logits, uniforms)
    assert ids.tolist() == build("sampler", "top-p:p=0.7,temperature=0.9")(logits, uniforms).tolist()
