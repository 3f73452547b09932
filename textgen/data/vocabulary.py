"""The meaning of token strings: bytes written as `<0x41>`, characters per token, decoding, spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds, Vocabulary
from textgen.data.decoding import from_utf8, utf8

BYTE = re.compile(r"<0x([0-9A-F]{2})>")
BYTE_TOKENS = [f"<0x{value:02X}>" for value in range(256)]
"""The byte tokens, a convention of SentencePiece and LLaMA."""

COUNTED_AT_ONCE = 1 << 20
"""Number of ids that are read from a file at a time."""


def surface_bytes(surface: str) -> bytes:
    """Return the bytes that a token string spells: `" the"` its UTF-8, `"<0xE2><0x82>"` two bytes."""
    if "<0x" not in surface:
        return utf8(surface)
    parts = BYTE.split(surface)  # text, two hex digits, text, two hex digits, …
    return b"".join(bytes.fromhex(part) if odd % 2 else utf8(part) for odd, part in enumerate(parts))


class TokenTable:
    """Bytes and characters of every token of a vocabulary."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.pieces = [surface_bytes(token) for token in tokens]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that `ids` spell; invalid byte sequences become U+FFFD."""
        return from_utf8(self.spell(ids))

    def spell(self, ids: Iterable[int]) -> bytes:
        return b"".join([self.pieces[token] for token in ids])

    @cached_property
    def num_chars(self) -> NDArray[np.int64]:
        """The number of characters that begin in each token; none begin in a continuation byte."""
        return np.array([sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self.pieces], np.int64)


def byte_mask(tokens: Sequence[str]) -> NDArray[np.bool_]:
    """Return which tokens are single bytes, [vocab_size]."""
    return np.array([BYTE.fullmatch(token) is not None for token in tokens], bool)


def continues_spelling(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Return which tokens can continue the spelling of a word, [vocab_size].

    One that starts with white space begins a new word.
    """
    starts = np.array([from_utf8(surface_bytes(token))[:1].isspace() for token in vocabulary.tokens], bool)
    continues: NDArray[np.bool_] = vocabulary.fallback & ~starts
    return continues


def count_tokens(ids: TokenIds, vocab_size: int) -> NDArray[np.int64]:
    """Return the number of occurrences of each id, [vocab_size]; ids in a file are read in parts."""
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, len(ids), COUNTED_AT_ONCE):
        counts += np.bincount(ids[start : start + COUNTED_AT_ONCE], minlength=vocab_size)
    return counts
