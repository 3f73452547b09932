"""Every sampler draws from its distribution, row by row, and never what is impossible."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from textgen.contracts import Vocabulary
from textgen.generation.bound_sampler import BoundSampler
from textgen.registry.options import build
from textgen.registry.registry import names

EDGES = torch.tensor([0.0, 0.5, 1.0])
EDGES[2] = torch.nextafter(EDGES[2], EDGES[0])  # the largest that torch.rand gives, and a little more
MINUS_INFINITY = float("-inf")
every_sampler = pytest.mark.parametrize("name", names("sampler"))


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


def check_kept(spec: str, probabilities: list[float], kept: list[int]) -> None:
    """Check that a sampler chooses among the tokens `kept` with their probabilities, scaled to sum to 1."""
    total = sum(probabilities[token] for token in kept)
    expected = [value / total if token in kept else 0 for token, value in enumerate(probabilities)]
    logits = [math.log(probability) for probability in probabilities]
    assert frequencies(spec, logits).tolist() == pytest.approx(expected, abs=0.01)


def softmax(logits: list[float]) -> list[float]:
    probabilities: list[float] = torch.tensor(logits).softmax(0).tolist()
    return probabilities


# --- every sampler


@every_sampler
@given(
    logits=st.lists(st.one_of(st.floats(-30, 30, width=32), st.just(MINUS_INFINITY)), min_size=1).filter(
        lambda row: max(row) > MINUS_INFINITY
    ),
    uniform=st.floats(0, 1, width=32, exclude_max=True),
)
def test_an_impossible_token_is_never_sampled(name: str, logits: list[float], uniform: float) -> None:
    ids = sampler(name)(torch.tensor([logits] * 4), torch.tensor([uniform, *EDGES.tolist()]))
    assert ids.shape == (4,)
    assert ids.dtype == torch.int64
    assert all(logits[token] > MINUS_INFINITY for token in ids.tolist())


# --- each one


def test_greedy_takes_the_most_probable() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, -1.0, 2.9]])
    assert sampler("greedy")(logits, torch.tensor([0.99, 0.0])).tolist() == [1, 0]


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


@pytest.mark.parametrize(
    ("p", "nucleus"),
    [
        (0.01, [0, 1, 0, 0]),
        (0.49, [0, 1, 0, 0]),
        (0.51, [0, 5 / 8, 3 / 8, 0]),
        (0.79, [0, 5 / 8, 3 / 8, 0]),
        (0.81, [0.15 / 0.95, 0.5 / 0.95, 0.3 / 0.95, 0]),
        (1.0, [0.15, 0.5, 0.3, 0.05]),
    ],
)
def test_top_p_samples_the_fewest_tokens_that_reach_p(p: float, nucleus: list[float]) -> None:
    logits = [math.log(probability) for probability in (0.15, 0.5, 0.3, 0.05)]
    assert frequencies(f"top-p:p={p}", logits).tolist() == pytest.approx(nucleus, abs=0.01)


def test_top_p_measures_its_nucleus_after_the_temperature() -> None:
    logits = [math.log(0.6), math.log(0.4)]  # 9/13 and 4/13 at a temperature of one half
    assert frequencies("top-p:p=0.65", logits).tolist() == pytest.approx([0.6, 0.4], abs=0.01)
    assert frequencies("top-p:p=0.65,temperature=0.5", logits).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("p", "kept"),
    [(1.0, [1]), (0.61, [1]), (0.59, [1, 2]), (0.31, [1, 2]), (0.29, [0, 1, 2]), (0.01, [0, 1, 2, 3])],
)
def test_min_p_samples_tokens_nearly_as_probable_as_the_best(p: float, kept: list[int]) -> None:
    check_kept(f"min-p:p={p}", [0.15, 0.5, 0.3, 0.05], kept)


def test_min_p_compares_after_the_temperature() -> None:
    logits = [math.log(0.6), math.log(0.4)]  # 9/13 and 4/13 at a temperature of one half
    assert frequencies("min-p:p=0.5", logits).tolist() == pytest.approx([0.6, 0.4], abs=0.01)
    assert frequencies("min-p:p=0.5,temperature=0.5", logits).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("p", "kept"), [(0.29, [1]), (0.31, [1, 2]), (0.49, [1, 2]), (0.51, [0, 1, 2]), (1.0, [0, 1, 2, 3])]
)
def test_typical_samples_tokens_of_about_the_expected_surprisal(p: float, kept: list[int]) -> None:
    # The entropy is 1.28 nats; the surprisals differ from it by 0.36, 0.08, 0.33 and 1.02.
    check_kept(f"typical:p={p}", [0.4, 0.3, 0.2, 0.1], kept)


def test_typical_measures_after_the_temperature() -> None:
    logits = [math.log(0.5), math.log(0.3), math.log(0.2)]
    # Sharpened, the surprisal of the first token is the one nearest to the entropy.
    assert frequencies("typical:p=0.1", logits).tolist() == [0, 1, 0]
    assert frequencies("typical:p=0.1,temperature=0.3", logits).tolist() == [1, 0, 0]
