"""Where the bits of a score go: units, categories and segments, which sum to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from helpers.scoring import CPU, Bigram, bound, score, tiny_lstm
from textgen.contracts import Tokenizer
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.text import cut_blocks
from textgen.data.vocabulary import TokenTable
from textgen.evaluation.scoring import Score, bits_of_segments, score_totals, seen_words, token_starts
from textgen.evaluation.token_bits import TokenScores
from textgen.experiment import score_run as scoring
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.saved_run import Trained
from textgen.experiment.score_run import score_any
from textgen.runtime.storage.json_records import to_values
from textgen_tokenizers.char import CharTokenizer
from textgen_tokenizers.word import WordTokenizer


def summary(tokenizer: Tokenizer, scored: TokenScores) -> Score:
    return score_totals(scored, TokenTable(tokenizer.tokens), BoundTokenizer(tokenizer).is_fallback).score()


def flat(found: Score) -> dict[str, float]:
    values = to_values(found)
    low, high = values.pop("interval")
    values.pop("units")
    values.pop("seed_prior")
    values.pop("bits_by_seen_words")
    return {**values.pop("bits_by_category"), **values, "low": low, "high": high}


def word_tokenizer(words: list[str], characters: str) -> WordTokenizer:
    tokenizer = WordTokenizer()
    surfaces = [*words, *characters]
    tokenizer.restore({"surfaces": surfaces, "spelling": list(range(len(words), len(surfaces)))})
    return tokenizer


def test_words_of_a_script_without_spaces_are_counted_one_by_one() -> None:
    tokenizer = WordTokenizer(min_count=1)
    tokenizer.fit("这是软件。")
    scored = score(tiny_lstm(len(tokenizer.tokens)), tokenizer, "这是新软件包。")  # 新 and 包 are spelled
    found = summary(tokenizer, scored)
    assert found.oov_rate == pytest.approx(2 / 6)
    assert found.perplexity_per_word == pytest.approx(2 ** (scored.bits.sum() / 6), rel=1e-6)
    assert sum(to_values(found.bits_by_category).values()) == pytest.approx(found.bits_per_char)


@pytest.mark.parametrize(
    ("make", "unseen"), [(CharTokenizer, "zebra"), (lambda: WordTokenizer(min_count=3), " zebra")]
)
def test_known_words_are_those_of_the_training_text_whatever_the_vocabulary(
    make: Callable[[], Any], unseen: str
) -> None:
    train, text = "The cat sat. A dog ran.\n", "the dog, a zebra"
    tokenizer = make()
    tokenizer.fit(train + text)
    scored = score(tiny_lstm(len(tokenizer.tokens)), tokenizer, text)
    table, mask = TokenTable(tokenizer.tokens), BoundTokenizer(tokenizer).is_fallback
    found = score_totals(scored, table, mask, seen_words(train)).score()
    zebra = np.flatnonzero(token_starts(scored.ids, table) >= text.index(unseen))
    assert found.bits_by_seen_words is not None
    assert found.bits_by_seen_words.oov_words == pytest.approx(scored.bits[zebra].sum() / len(text))
    parts = to_values(found.bits_by_seen_words).values()
    assert sum(parts) == pytest.approx(found.bits_per_char)
    assert list(found.named_bits) == ["known words", "new words", "punctuation", "white space"]
    assert found.named_bits["new words"] == found.bits_by_seen_words.oov_words
    by_vocabulary = summary(tokenizer, scored)
    assert by_vocabulary.bits_by_seen_words is None
    assert by_vocabulary.named_bits["OOV words"] == by_vocabulary.bits_by_category.oov_words


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
        "num_bytes": 9,
        "num_words": 2,
        "num_oov": 1,
        "num_between_spaces": 2,
        "interval": None,
        "units": None,
        "seed_prior": None,
        "bits_by_seen_words": None,
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


def test_a_long_text_is_scored_in_stretches_as_in_one_pass(
    tokenizer: Tokenizer, lstm: nn.Module, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = news[20_000:40_000] + "中文 words.\n"
    name = "char" if isinstance(tokenizer, CharTokenizer) else "word"
    entry = parse_entry(f"{name}-lstm")
    run = Trained(entry, BoundTokenizer(tokenizer), bound(lstm, tokenizer))
    whole = score_any(run, text, CPU)
    monkeypatch.setattr(scoring, "BLOCK_CHARS", 3000)
    assert len(list(cut_blocks([text], 3000))) > 5
    stretches = score_any(run, text, CPU)
    assert stretches.checks.decoded_equals_text
    for key in ("num_chars", "num_chars_of_tokens", "num_tokens"):
        assert getattr(stretches.checks, key) == getattr(whole.checks, key)
    units, its = whole.score.units, stretches.score.units
    assert units is not None
    assert its is not None
    assert units.num_chars == its.num_chars
    assert (len(units.bits), sum(units.num_chars)) == (scoring.NUM_SEGMENTS, len(text))
    np.testing.assert_allclose(its.bits, units.bits, rtol=1e-4)
    assert flat(stretches.score) == pytest.approx(flat(whole.score), rel=1e-5)
    one_pass = score(lstm, tokenizer, text)
    assert whole.score.bits_per_char == pytest.approx(one_pass.bits_per_char)
