"""The bits of each token: the whole text is counted, in one pass, in chunks or in stretches side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helpers.scoring import CPU, Bigram, bound, score, score_text
from textgen.contracts import TextgenError, Tokenizer
from textgen.data.bound_tokenizer import START
from textgen.data.decoding import utf8
from textgen.evaluation import token_bits
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen_models.counting import Uniform
from textgen_tokenizers.char import CharTokenizer


@given(chunk=st.integers(1, 400))
def test_chunks_of_any_size_give_the_same_bits(
    tokenizer: Tokenizer, lstm: nn.Module, news: str, chunk: int
) -> None:
    text = news[5000:5300] + "Ω😀"
    whole = score(lstm, tokenizer, text, chunk=10_000)
    assert score(lstm, tokenizer, text, chunk).bits.sum() == pytest.approx(whole.bits.sum(), abs=1e-4)


def test_the_score_is_one_pass_over_the_whole_text(tokenizer: Tokenizer, lstm: nn.Module, news: str) -> None:
    text = news[5000:5300]
    start, ids = (torch.from_numpy(tokenizer.encode(part)).long() for part in (START, text))
    with torch.no_grad():
        logits, _ = lstm(torch.cat([start, ids[:-1]])[None], lstm.initial_state(1))
    logits = logits[0, len(start) - 1 :].double()
    num_bits = float(nn.functional.cross_entropy(logits, ids, reduction="sum")) / math.log(2)
    scored = score(lstm, tokenizer, text)
    assert scored.bits.sum() == pytest.approx(num_bits, abs=1e-3)
    assert scored.bits_per_char == pytest.approx(num_bits / 300, abs=1e-5)
    assert scored.max_normalization_error < 1e-5


def test_unseen_text_is_counted(tokenizer: Tokenizer, lstm: nn.Module, news: str) -> None:
    random = Uniform(len(tokenizer.tokens))
    random.fit(tokenizer.encode(news))
    seen = news[5000:5100]
    for model in (lstm, random):
        before = score(model, tokenizer, seen).bits.sum()
        for strange in ("中文", "😀", "שלום", "e\u0301\u0302", "\ud800", "\x07"):
            scored = score(model, tokenizer, seen + strange)
            assert np.isfinite(scored.bits).all()
            assert (scored.bits > 0).all()
            # With the uniform model, bytes share a probability of 1e-6.
            least = 15 * len(utf8(strange)) if model is random else 0
            assert scored.bits.sum() - before > least


@pytest.mark.parametrize("probability", [0.0, math.nan])
def test_a_probability_of_zero_or_nan_is_an_error(probability: float) -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("\na")
    table = torch.full((len(tokenizer.tokens),) * 2, 0.5)
    table[:, 1] = probability
    with pytest.raises(TextgenError, match="no probability"):
        score(Bigram(table), tokenizer, "a")


def check_stretches(model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Each stretch has the bits that it has alone, from an initial state."""
    start, stretches = tokenizer.encode(START), [tokenizer.encode(text) for text in texts]
    scored = score_stretches(model, texts, stretches, start, device=CPU)
    assert [each.text for each in scored] == list(texts)
    for text, ids, each in zip(texts, stretches, scored, strict=True):
        alone = score_text(model, text, ids, start)
        assert np.array_equal(each.ids, ids)
        np.testing.assert_allclose(each.bits, alone.bits, atol=1e-4)
        assert each.max_normalization_error < 1e-4


@given(sizes=st.lists(st.integers(0, 90), min_size=1, max_size=9), at_once=st.sampled_from([1, 40, 100]))
def test_stretches_of_any_lengths_have_the_bits_that_each_has_alone(
    tokenizer: Tokenizer, lstm: nn.Module, news: str, sizes: list[int], at_once: int
) -> None:
    texts = [news[begin:end] for begin, end in pairwise(accumulate(sizes, initial=5000))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_bits, "TOKENS_AT_ONCE", at_once)
        check_stretches(bound(lstm, tokenizer), tokenizer, texts)
