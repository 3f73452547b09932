"""Every tokenizer gives back every text; what `byte` and `char` do besides."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from helpers.tokenizers import FITTED
from textgen.contracts import Tokenizer
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.decoding import utf8
from textgen.data.text import cut_blocks
from textgen.data.vocabulary import BYTE_TOKENS, surface_bytes
from textgen.registry.options import build
from textgen_tokenizers.byte import ByteTokenizer
from textgen_tokenizers.char import CharTokenizer

UNSEEN = "中Ω😀"
every_tokenizer = pytest.mark.parametrize("name", FITTED)


def fitted(name: str, text: str) -> Tokenizer:
    tokenizer: Tokenizer = build("tokenizer", name)
    tokenizer.fit(text)
    return tokenizer


@pytest.fixture(scope="module", params=FITTED)
def tokenizer(request: pytest.FixtureRequest, news: str) -> Tokenizer:
    """Each tokenizer, fitted on news."""
    return fitted(request.param, news)


def surfaces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.tokens[token] for token in tokenizer.encode(text)]


# --- every tokenizer


def is_fallback(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    return BoundTokenizer(tokenizer).is_fallback


@every_tokenizer
@given(train=..., text=...)
@example(train="", text="")
@example(train=" ", text="the end")
@example(train="\ud83d\ude00", text="\ud83d\ude00 😀")
def test_any_text_round_trips_after_any_fit_and_a_restart(name: str, train: str, text: str) -> None:
    tokenizer, restored = fitted(name, train), build("tokenizer", name)
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(surface_bytes(tokenizer.tokens[token]) for token in ids) == utf8(text)
    assert list(restored.tokens) == list(tokenizer.tokens)
    assert restored.encode(text).tolist() == ids.tolist()
    assert restored.decode(ids) == text
    assert is_fallback(restored).tolist() == is_fallback(tokenizer).tolist()


@every_tokenizer
def test_what_the_training_text_lacks_is_spelled_by_bytes(name: str, news: str) -> None:
    tokenizer = fitted(name, news[:2000])
    assert set(surfaces(tokenizer, UNSEEN)) <= set(BYTE_TOKENS)
    assert is_fallback(tokenizer)[tokenizer.encode(UNSEEN)].all()


@given(data=st.data())
def test_any_ids_are_decoded(tokenizer: Tokenizer, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, len(tokenizer.tokens) - 1)))
    text = tokenizer.decode(ids)
    assert tokenizer.decode(np.array(ids, np.int32)) == text
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ([0xE2, 0x82, 0xAC], "€"),
        ([0xE2, 0x82], "\ufffd"),
        ([0x41, 0xFF, 0x42], "A\ufffdB"),
        ([0x80, 0x80], "\ufffd\ufffd"),
        ([0xED, 0xA0, 0xBD], "\ud83d"),
        ([], ""),
    ],
)
def test_invalid_bytes_become_the_replacement_character(
    tokenizer: Tokenizer, spelled: list[int], text: str
) -> None:
    ids = {surface_bytes(token): index for index, token in enumerate(tokenizer.tokens)}
    assert tokenizer.decode([ids[bytes([byte])] for byte in spelled]) == text


def test_encoding_block_by_block_gives_the_same_ids(tokenizer: Tokenizer, news: str) -> None:
    ids = [token for block in cut_blocks([news], 7000) for token in tokenizer.encode(block)]
    assert ids == tokenizer.encode(news).tolist()


# --- byte


def test_byte_ids_are_the_bytes_and_those_above_ascii_are_fallback() -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("A\né\ud83d")
    assert ids.tolist() == [0x41, 0x0A, 0xC3, 0xA9, 0xED, 0xA0, 0xBD]
    assert tokenizer.tokens == BYTE_TOKENS
    assert tokenizer.fallback[ids].tolist() == [False] * 2 + [True] * 5


# --- char


def test_char_has_one_token_per_character() -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("banana\n")
    assert tokenizer.tokens == ["\n", "a", "b", "n", *BYTE_TOKENS]
    assert tokenizer.encode("nab\n").tolist() == [3, 1, 2, 0]
    assert surfaces(tokenizer, "aéb") == ["a", "<0xC3>", "<0xA9>", "b"]
    assert tokenizer.fallback.tolist() == [False] * 4 + [True] * 256


def test_char_without_bytes_has_the_alphabet_and_a_newline_alone() -> None:
    tokenizer = CharTokenizer(fallback_bytes=False)
    tokenizer.fit_counts(["ban", "ana"])
    assert tokenizer.tokens == ["\n", "a", "b", "n"]
    assert tokenizer.fallback.tolist() == [False] * 4
    assert tokenizer.encode("n\x00aéb😀\n").tolist() == [3, 1, 2, 0]
    assert tokenizer.encode("é😀").tolist() == []
    assert tokenizer.decode(tokenizer.encode("né\n")) == "n\n"
    restored = CharTokenizer()
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    assert restored.tokens == tokenizer.tokens
    assert restored.encode("naéb").tolist() == [3, 1, 2]
    restored.fit("é")
    assert restored.tokens == ["\n", "é"]
