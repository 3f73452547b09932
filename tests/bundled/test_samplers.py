"""Every sampler draws from its distribution, row by row, and never what is impossible."""

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


# --- each one


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


# --- samplers that remember what they chose


NUM_CHARS = np.array([1, 1, 2, 3, 0])
"""Of five tokens; the last one is the tail of a character."""

Choose = Callable[[Tensor, Tensor], Tensor]


def begin(spec: str, prompts: Sequence[Sequence[int]], num_chars: np.ndarray = NUM_CHARS) -> Choose:
    tokens = ["a" * number or "<0x80>" for number in num_chars]
    vocabulary = Vocabulary(tokens, np.zeros(len(tokens), bool))
    choose: Choose = build("sampler", spec).start([np.array(ids, int) for ids in prompts], vocabulary)
    return choose


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
