"""The score charges the whole text, whatever it is cut into, and its parts sum to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from textgen.api import TextgenError, Tokenizer
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.text import cut_blocks
from textgen.data.vocabulary import TokenTable
from textgen.evaluation.scoring import (
    Score,
    TokenScores,
    bits_of_segments,
    score_text,
    score_totals,
    token_starts,
)
from textgen.experiment import scoring
from textgen.experiment.entry import parse_entry
from textgen.experiment.scoring import score_any
from textgen.experiment.trained import Trained
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen.runtime.device import DeviceConfig, seeded
from textgen.runtime.json_records import to_values
from textgen.training.validation import validation_bits
from textgen_models.lstm.model import LSTM
from textgen_models.uniform import Uniform
from textgen_tokenizers.char import CharTokenizer
from textgen_tokenizers.word import WordTokenizer

CPU = torch.device("cpu")
STRANGE = ["中文", "😀", "שלום", "e\u0301\u0302", "\ud800", "\x07"]


class Bigram(nn.Module):
    """A token's probability depends on the token before it."""

    def __init__(self, probabilities: Tensor) -> None:
        super().__init__()
        self.logits = probabilities.log()

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits[ids], state


def bound(model: nn.Module, tokenizer: Tokenizer) -> LanguageModel:
    return LanguageModel(model, len(tokenizer.tokens))


def score(model: nn.Module, tokenizer: Tokenizer, text: str, chunk: int = 512) -> TokenScores:
    start = tokenizer.encode(START)
    return score_text(bound(model, tokenizer), text, tokenizer.encode(text), start, device=CPU, chunk=chunk)


def summary(tokenizer: Tokenizer, scored: TokenScores) -> Score:
    return score_totals(scored, TokenTable(tokenizer.tokens), BoundTokenizer(tokenizer).is_fallback).score()


def flat(found: Score) -> dict[str, float]:
    values = to_values(found)
    low, high = values.pop("interval")
    return {**values.pop("bits_by_category"), **values, "low": low, "high": high}


def tiny_lstm(vocab_size: int) -> nn.Module:
    with seeded(1, CPU):
        return LSTM(vocab_size, num_layers=2, hidden_size=8).eval()


@pytest.fixture(scope="module", params=names("tokenizer"))
def tokenizer(request: pytest.FixtureRequest, news: str) -> Tokenizer:
    """Each tokenizer, fitted on news."""
    fitted: Tokenizer = build("tokenizer", request.param)
    fitted.fit(news)
    return fitted


@pytest.fixture(scope="module")
def lstm(tokenizer: Tokenizer) -> nn.Module:
    """An untrained LSTM for the tokenizer."""
    return tiny_lstm(len(tokenizer.tokens))


# --- the sum


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


def test_a_start_of_several_tokens_is_context_and_not_counted() -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("ab")  # so that the newline before the text is a byte, and here three of them
    model = bound(tiny_lstm(len(tokenizer.tokens)), tokenizer)
    start, ids = tokenizer.encode("\n\n\n"), tokenizer.encode("abba")
    scored = score_text(model, "abba", ids, start, device=CPU)
    whole = score_text(model, "\n\nabba", np.append(start[1:], ids), start[:1], device=CPU)
    assert len(scored.bits) == 4
    np.testing.assert_allclose(scored.bits, whole.bits[2:], atol=1e-5)


@pytest.mark.parametrize("strange", STRANGE)
def test_unseen_text_is_counted(tokenizer: Tokenizer, lstm: nn.Module, news: str, strange: str) -> None:
    random = Uniform(len(tokenizer.tokens))
    random.fit(tokenizer.encode(news))
    seen = news[5000:5100]
    for model in (lstm, random):
        scored = score(model, tokenizer, seen + strange)
        assert np.isfinite(scored.bits).all()
        assert (scored.bits > 0).all()
        assert scored.bits.sum() > score(model, tokenizer, seen).bits.sum()
    num_bytes = len(strange.encode("utf-8", "surrogatepass"))
    extra = score(random, tokenizer, seen + strange).bits.sum() - score(random, tokenizer, seen).bits.sum()
    assert extra > 15 * num_bytes  # bytes share a probability of 1e-6


def test_uniform_is_log2_of_the_alphabet(news: str) -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit(news)
    model = Uniform(len(tokenizer.tokens))
    model.fit(tokenizer.encode(news))
    scored = score(model, tokenizer, news[:1000])
    assert scored.bits_per_char == pytest.approx(math.log2(len(set(news))), abs=1e-5)
    assert scored.max_normalization_error < 1e-5
    unseen = score(model, tokenizer, "Ω")  # two of the 256 bytes, which share a probability of 1e-6
    assert unseen.bits == pytest.approx([math.log2(256 / 1e-6)] * 2, abs=1e-4)


@pytest.mark.parametrize("probability", [0.0, math.nan])
def test_a_probability_of_zero_or_nan_is_an_error(probability: float) -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("\na")
    table = torch.full((len(tokenizer.tokens),) * 2, 0.5)
    table[:, 1] = probability
    with pytest.raises(TextgenError, match="no probability"):
        score(Bigram(table), tokenizer, "a")


# --- the units and the parts


def word_tokenizer(words: list[str], characters: str) -> WordTokenizer:
    tokenizer = WordTokenizer()
    surfaces = [*words, *characters]
    tokenizer.restore({"surfaces": surfaces, "spelling": list(range(len(words), len(surfaces)))})
    return tokenizer


def test_units_and_categories_by_hand() -> None:
    tokenizer = word_tokenizer(["\n", "the", "."], " z")
    surfaces = ["\n", "the", " ", "z", "<0xC3>", "<0xA9>", ".", "\n"]
    tokens = [tokenizer.tokens.index(surface) for surface in surfaces]
    bits = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 1.0]
    table = torch.zeros((len(tokenizer.tokens),) * 2)
    for before, after, num_bits in zip(tokens, tokens[1:], bits, strict=False):
        table[before] = (1 - 2**-num_bits) / (len(tokenizer.tokens) - 1)
        table[before, after] = 2**-num_bits
    scored = score(Bigram(table), tokenizer, "the zé.\n")  # 8 characters, 9 bytes, 2 words
    assert scored.bits == pytest.approx(bits, abs=1e-5)
    assert scored.max_normalization_error < 1e-5
    assert to_values(summary(tokenizer, scored)) == {
        "bits_per_char": pytest.approx(14 / 8),
        "bits_by_category": pytest.approx(
            {
                "in_vocabulary_words": 1 / 8,
                "oov_words": (2 + 3 + 4 + 1) / 8,  # with its space
                "punctuation": 2 / 8,
                "white_space": 1 / 8,
            }
        ),
        "bits_per_char_without_oov": pytest.approx(4 / 8),
        "oov_rate": 1 / 2,
        "bits_per_byte": pytest.approx(14 / 9),
        "nats_per_char": pytest.approx(14 * math.log(2) / 8),
        "perplexity_per_word": pytest.approx(2 ** (14 / 2), rel=1e-5),
        "interval": None,
    }


@pytest.mark.parametrize(
    ("text", "causes"),  # of each token: w a word, s a spelled word, p punctuation, _ white space
    [
        ("the cat the", "www"),
        ("the z cat", "wssw"),
        ("thez", "ssss"),
        ("the. cat", "wpw"),
        ("the \ncat", "w__w"),
        ("z\n\n\nz", "s___s"),
        ("\tthe cat", "_ww"),  # the tab is spelled by bytes, the word is not
        ("z\xa0the", "s__w"),
        ("the 😀", "wppppp"),
    ],
)
def test_the_category_of_each_token(text: str, causes: str) -> None:
    tokenizer = word_tokenizer(["the", " the", " cat", "cat", ".", "\n", " "], "thez \n")
    ids = tokenizer.encode(text)
    bits = 2.0 ** np.arange(len(ids))
    parts = summary(tokenizer, TokenScores(text, ids, bits, 0.0)).bits_by_category
    assert len(ids) == len(causes)
    for letter, part in zip("wsp_", vars(parts).values(), strict=True):
        assert part * len(text) == sum(
            bit for bit, cause in zip(bits, causes, strict=True) if cause == letter
        ), (letter, tokenizer.encode(text))


@given(text=...)
def test_categories_and_segments_sum_to_the_score(tokenizer: Tokenizer, lstm: nn.Module, text: str) -> None:
    text += "."
    scored = score(lstm, tokenizer, text)
    parts = summary(tokenizer, scored)
    by_category = vars(parts.bits_by_category).values()
    assert sum(by_category) == pytest.approx(parts.bits_per_char)
    assert min(by_category) >= 0
    assert 0 <= parts.oov_rate <= 1
    for size in (1, 3, len(text), len(text) + 1):
        blocks = bits_of_segments(scored, TokenTable(tokenizer.tokens), size)
        assert len(blocks) == math.ceil(len(text) / size)
        assert blocks.sum() == pytest.approx(scored.bits.sum())


def test_the_bits_of_a_segment_are_those_of_the_tokens_that_begin_in_it() -> None:
    tokenizer = word_tokenizer(["the", " cat", "\n"], "é")
    ids = tokenizer.encode("the cat\né€\n")
    assert token_starts(ids, TokenTable(tokenizer.tokens)).tolist() == [0, 3, 7, 8, 9, 9, 9, 10]
    scored = TokenScores("the cat\né€\n", ids, 2.0 ** np.arange(8), 0.0)
    assert bits_of_segments(scored, TokenTable(tokenizer.tokens), 4).tolist() == [
        1 + 2,
        4,
        8 + 16 + 32 + 64 + 128,
    ]


def test_a_long_text_is_scored_in_stretches_as_in_one_pass(
    tokenizer: Tokenizer, lstm: nn.Module, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = news[20_000:40_000] + "中文 words.\n"
    name = "char" if isinstance(tokenizer, CharTokenizer) else "word"
    run = Trained(parse_entry(f"{name}-lstm"), BoundTokenizer(tokenizer), bound(lstm, tokenizer))
    whole = score_any(run, text, CPU)
    monkeypatch.setattr(scoring, "BLOCK_CHARS", 3000)
    assert len(list(cut_blocks([text], 3000))) > 5
    stretches = score_any(run, text, CPU)
    assert stretches.checks.decoded_equals_text
    for key in ("num_chars", "num_chars_of_tokens", "num_tokens"):
        assert getattr(stretches.checks, key) == getattr(whole.checks, key)
    np.testing.assert_allclose(stretches.segment_bits, whole.segment_bits, rtol=1e-4)
    assert flat(stretches.score) == pytest.approx(flat(whole.score), rel=1e-5)
    one_pass = score(lstm, tokenizer, text)
    assert whole.score.bits_per_char == pytest.approx(one_pass.bits_per_char)


# --- the quick score of validation


def test_validation_bits_are_near_the_score(tokenizer: Tokenizer, lstm: nn.Module, news: str) -> None:
    text = news[10_000:20_000]
    ids, device_config = tokenizer.encode(text), DeviceConfig(CPU, "fp32")
    quick = validation_bits(bound(lstm, tokenizer), ids, len(text), device_config)
    assert quick == pytest.approx(score(lstm, tokenizer, text).bits_per_char, rel=0.03)


def test_validation_of_a_single_token_is_an_error() -> None:
    with pytest.raises(TextgenError, match="longer text"):
        validation_bits(LanguageModel(tiny_lstm(5), 5), np.array([1]), 20, DeviceConfig(CPU, "fp32"))
