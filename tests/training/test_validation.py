"""The quick score of validation is near the score, for one stretch and for many."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest

from helpers.scoring import CPU, bound, tiny_lstm
from textgen.api import TextgenError, Tokenizer
from textgen.data.bound_tokenizer import START
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen.runtime.device import DeviceConfig
from textgen.training.validation import validation_bits

FP32 = DeviceConfig(CPU, "fp32")


@pytest.fixture(scope="module", params=names("tokenizer"))
def tokenizer(request: pytest.FixtureRequest, news: str) -> Tokenizer:
    """Each tokenizer, fitted on news."""
    fitted: Tokenizer = build("tokenizer", request.param)
    fitted.fit(news)
    return fitted


@pytest.mark.parametrize("sizes", [[10_000], [4000, 1000, 5000], [500] * 20, [2000, 10, 1, 1500] * 5])
def test_validation_bits_are_near_the_score(tokenizer: Tokenizer, news: str, sizes: list[int]) -> None:
    model = bound(tiny_lstm(len(tokenizer.tokens)), tokenizer)
    texts = [news[begin:end] for begin, end in pairwise(accumulate(sizes, initial=10_000))]
    stretches = [tokenizer.encode(text) for text in texts]
    quick = validation_bits(model, stretches, sum(sizes), FP32)
    scored = score_stretches(model, texts, stretches, tokenizer.encode(START), device=CPU)
    score = sum(each.bits.sum() for each in scored) / sum(sizes)
    assert quick == pytest.approx(score, rel=0.03)


def test_a_stretch_does_not_depend_on_the_others(ids: np.ndarray) -> None:
    model = LanguageModel(tiny_lstm(100), 100)
    # Of 65 tokens each, so that every stretch is one window.
    stretches = [ids[begin : begin + 65] for begin in range(0, 20 * 65, 65)]
    alone = [validation_bits(model, [stretch], 65, FP32) for stretch in stretches]
    assert validation_bits(model, stretches, 20 * 65, FP32) == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("stretches", [[[1]], [[1], [2]], [[], []], []])
def test_validation_of_single_tokens_is_an_error(stretches: list[list[int]]) -> None:
    with pytest.raises(TextgenError, match="fewer than two tokens; give a longer text"):
        validation_bits(LanguageModel(tiny_lstm(5), 5), [np.array(each, int) for each in stretches], 20, FP32)
