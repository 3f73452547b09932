"""The quick score of validation is near the score, for one stretch and for many."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.scoring import CPU, bound, tiny_lstm
from textgen.contracts import TextgenError, Tokenizer
from textgen.data.bound_tokenizer import START
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.validation import Validation, validation_limits

FP32 = DeviceConfig(CPU, "fp32")


@pytest.fixture(scope="module", params=["char", "word"])
def tokenizer(request: pytest.FixtureRequest, news: str) -> Tokenizer:
    fitted: Tokenizer = build("tokenizer", request.param)
    fitted.fit(news)
    return fitted


@pytest.mark.parametrize("sizes", [[10_000], [2000, 10, 1, 1500] * 5])
def test_validation_bits_are_near_the_score(tokenizer: Tokenizer, news: str, sizes: list[int]) -> None:
    model = bound(tiny_lstm(len(tokenizer.tokens)), tokenizer)
    texts = [news[begin:end] for begin, end in pairwise(accumulate(sizes, initial=10_000))]
    stretches = [tokenizer.encode(text) for text in texts]
    quick = Validation(model, stretches, sum(sizes), FP32)()
    scored = score_stretches(model, texts, stretches, tokenizer.encode(START), device=CPU)
    score = sum(each.bits.sum() for each in scored) / sum(sizes)
    assert quick == pytest.approx(score, rel=0.03)


def test_a_stretch_does_not_depend_on_the_others(ids: np.ndarray) -> None:
    model = LanguageModel(tiny_lstm(100), 100)
    # Of 65 tokens each, so that every stretch is one window.
    stretches = [ids[begin : begin + 65] for begin in range(0, 48 * 65, 65)]
    alone = [Validation(model, [stretch], 65, FP32)() for stretch in stretches]
    assert Validation(model, stretches, 48 * 65, FP32)() == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("stretches", [[[1]], [[1], [2]], [[], []], []])
def test_validation_of_single_tokens_is_an_error(stretches: list[list[int]]) -> None:
    with pytest.raises(TextgenError, match="fewer than two tokens; give a longer text"):
        Validation(LanguageModel(tiny_lstm(5), 5), [np.array(each, int) for each in stretches], 20, FP32)


class Recorded:
    """A model that notes the ids it is asked about."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def initial_state(self, _: int) -> None: ...

    def loss(self, ids: Tensor, targets: Tensor, state: None) -> tuple[Tensor, None]:  # noqa: ARG002
        self.seen.append(ids)
        return torch.ones(()), None


def scored(ids: np.ndarray, calls: int = 2, **limits: float) -> list[int]:
    """The number of tokens that each call scores."""
    model: Any = Recorded()
    validation, counts = Validation(model, [ids], len(ids), FP32, **limits), []
    for _ in range(calls):
        model.seen.clear()
        validation()
        counts.append(sum(each.numel() for each in model.seen))
    return counts


def test_every_validation_scores_the_same_share_of_the_text(ids: np.ndarray) -> None:
    text = np.tile(ids, 3)[: 48 * 641]
    assert scored(text) == [48 * 640] * 2
    assert scored(text, max_tokens=48 * 200) == [48 * 192] * 2
    assert scored(text, max_tokens=1) == [48 * 64] * 2
    assert scored(text, 3, max_seconds=0.0) == [48 * 64] * 3  # the first call decides


def test_limits_follow_the_budget() -> None:
    assert validation_limits(parse_budget("60s"), 10, 1000, 4.0, 50) == (math.inf, pytest.approx(0.42))
    assert validation_limits(parse_budget("2epochs"), 10, 1000, 4.0, 50) == (40.0, math.inf)
    assert validation_limits(parse_budget("8kchars"), 10, 1000, 4.0, 50) == (40.0, math.inf)
    assert validation_limits(parse_budget("40updates"), 10, 1000, 4.0, 50) == (40.0, math.inf)
