"""Surfaces, bytes and characters of tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.contracts import TextgenError
from textgen.data import bound_tokenizer
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.decoding import from_utf8, utf8
from textgen.data.text import FileText
from textgen.data.vocabulary import TokenTable, surface_bytes
from textgen.registry.options import build


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


@given(data=st.binary())
def test_any_bytes_are_text(data: bytes) -> None:
    assert from_utf8(data) == data.decode("utf-8", "replace") or utf8(from_utf8(data)) == data


def test_characters_are_counted_where_they_begin() -> None:
    table = TokenTable([" the", "é", "<0xC3>", "<0xA9>", "<0xE2><0x82>", "<0xAC>x", ""])
    assert table.num_chars.tolist() == [4, 1, 1, 0, 1, 1, 0]
    assert table.decode([0, 2, 3, 4, 5, 6]) == " theé€x"


class Bytes:
    """A tokenizer as a third party writes it: it cannot count block by block."""

    def __init__(self, vocab_size: int = 256, lossless: bool = True) -> None:
        self.tokens = [f"<0x{value:02X}>" for value in range(vocab_size)]
        self.lossless, self.fitted = lossless, ""

    def fit(self, text: str) -> None:
        self.fitted = text

    def encode(self, text: str) -> list[int]:
        return list(utf8(text))

    def decode(self, ids: list[int]) -> str:
        return bytes(list(ids)).decode()

    def state(self) -> dict[str, str]:
        return {}


def test_a_tokenizer_that_cannot_count_is_fitted_to_the_beginning(
    stored_text: FileText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound_tokenizer, "MAX_FIT_CHARS", 15_000)
    tokenizer = Bytes()
    BoundTokenizer(tokenizer).fit(stored_text)
    assert tokenizer.fitted == stored_text[:15_000]


def test_ids_have_the_smallest_type_and_fit_the_vocabulary() -> None:
    assert [BoundTokenizer(Bytes(size)).id_type for size in (0, 256, 257, 65_536, 65_537)] == [
        np.uint8, np.uint8, np.uint16, np.uint16, np.uint32
    ]  # fmt: skip
    tokenizer = BoundTokenizer(Bytes())
    ids = tokenizer.encode("né")
    assert (ids.tolist(), ids.dtype) == ([0x6E, 0xC3, 0xA9], np.uint8)
    assert tokenizer.preserves("né", ids)
    assert not tokenizer.preserves("ne", ids)
    assert not BoundTokenizer(Bytes(lossless=False)).preserves("né", ids)
    with pytest.raises(TextgenError, match="Bytes returned the id 195 for a vocabulary of 128"):
        BoundTokenizer(Bytes(128)).encode("né")


def test_the_fallback_is_what_a_tokenizer_declares_or_its_bytes() -> None:
    tokenizer = Bytes(2)
    tokenizer.tokens = ["a", "<0x41>", "<0x41><0x42>", "<0x4>"]
    assert BoundTokenizer(tokenizer).is_fallback.tolist() == [False, True, False, False]
    tokenizer.fallback = [True, False, False, True]
    assert BoundTokenizer(tokenizer).is_fallback.tolist() == tokenizer.fallback
    tokenizer.fallback = [True]
    with pytest.raises(TextgenError, match=r"Bytes has a fallback of shape \[1\], but 4 tokens"):
        _ = BoundTokenizer(tokenizer).is_fallback


@pytest.mark.parametrize("name", ["byte", "char"])
def test_bytes_that_spell_rare_characters_spell_no_words(name: str) -> None:
    tokenizer = BoundTokenizer(build("tokenizer", name))
    tokenizer.fit("the cat")
    assert tokenizer.is_fallback.any()
    assert not tokenizer.vocabulary.fallback.any()
