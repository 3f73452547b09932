"""Surfaces, bytes and characters of tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.data.decoding import from_utf8, utf8
from textgen.data.vocabulary import BYTE_TOKENS, TokenTable, splice, surface_bytes
from textgen_tokenizers.char import CharTokenizer


@pytest.mark.parametrize(
    ("surface", "spelled"),
    [
        (" the", b" the"),
        ("é", b"\xc3\xa9"),
        ("<0x41>", b"A"),
        ("<0xE2><0x82>", b"\xe2\x82"),
        ("a<0xE2>b", b"a\xe2b"),
        ("<0x4>", b"<0x4>"),
        ("<0xe2>", b"<0xe2>"),  # bytes are written in capitals
        ("\ud800", b"\xed\xa0\x80"),
        ("", b""),
    ],
)
def test_what_a_surface_spells(surface: str, spelled: bytes) -> None:
    assert surface_bytes(surface) == spelled


def test_byte_tokens_spell_every_byte() -> None:
    assert b"".join(map(surface_bytes, BYTE_TOKENS)) == bytes(range(256))


@given(text=...)
def test_utf8_round_trips(text: str) -> None:
    assert from_utf8(utf8(text)) == text


@given(data=st.binary())
def test_any_bytes_are_text(data: bytes) -> None:
    assert from_utf8(data) == data.decode("utf-8", "replace") or utf8(from_utf8(data)) == data


def test_characters_are_counted_where_they_begin() -> None:
    table = TokenTable([" the", "é", "<0xC3>", "<0xA9>", "<0xE2><0x82>", "<0xAC>x", ""])
    assert table.num_chars.tolist() == [4, 1, 1, 0, 1, 1, 0]
    assert table.decode([0, 2, 3, 4, 5, 6]) == " theé€x"


@given(train=..., text=...)
def test_characters_of_the_tokens_sum_to_those_of_the_text(train: str, text: str) -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit(train)
    assert TokenTable(tokenizer.tokens).num_chars[tokenizer.encode(text)].sum() == len(text)


@given(
    st.lists(st.one_of(st.integers(0, 9), st.lists(st.integers(10, 19), min_size=1, max_size=4)), min_size=1)
)
def test_splice_replaces_what_is_missing_by_its_spelling(items: list[int | list[int]]) -> None:
    spellings = [item for item in items if isinstance(item, list)]
    ids = np.array([-1 if isinstance(item, list) else item for item in items], np.int32)
    result = splice(ids, np.flatnonzero(ids < 0), spellings)
    assert result.dtype == np.int32
    assert result.tolist() == [
        part for item in items for part in (item if isinstance(item, list) else [item])
    ]
