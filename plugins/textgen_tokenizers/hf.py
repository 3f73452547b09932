"""Tokenizers of Hugging Face, from a `tokenizer.json`, by their library `tokenizers`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.data.decoding import utf8
from textgen.data.vocabulary import surface_bytes
from textgen.runtime.messages import one_line, reason_of
from textgen.runtime.storage.plain_files import read_plain
from textgen_tokenizers.pretrained import MinCount, PretrainedTokenizer

MAX_BYTES = 2**26
"""Bytes of a tokenizer's file, at most."""


@dataclass
class HFTokenizer(PretrainedTokenizer):
    """The tokens of a Hugging Face tokenizer that occur in the training text, and bytes for all else.

    A token is the text that it covers, with what the tokenizer drops before it, so nothing is lost. Special
    tokens are not used: what looks like one is text.
    """

    path: str = ""
    """A file `tokenizer.json`, or a folder that has one."""
    min_count: MinCount = 2
    """Minimum number of occurrences in the training text of a token that is kept."""
    _tokenizer: Any = field(default=None, init=False, repr=False)

    def read(self) -> str:
        """Return the file; raises `TextgenError` if it cannot be read."""
        if not self.path:
            raise TextgenError("the tokenizer 'hf' needs a file; write path=FOLDER, which has tokenizer.json")
        path = Path(self.path)
        path = path / "tokenizer.json" if path.is_dir() else path
        try:
            return read_plain(path, MAX_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TextgenError(f"the tokenizer {str(path)!r} cannot be read: {reason_of(error)}") from None

    def open(self, source: str) -> None:
        """Make the tokenizer, with nothing that adds tokens, cuts the text short or moves offsets."""
        try:
            import tokenizers
        except ImportError as error:
            raise TextgenError(
                "the tokenizer 'hf' needs the package tokenizers; run: pip install 'textgen-bench[hf]'"
            ) from error
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(source)
        except Exception as error:  # whatever the library raises
            reason = one_line(error, with_type=False)
            raise TextgenError(f"the tokenizer {self.path!r} cannot be used: {reason}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True

    def cut(self, text: str) -> Iterator[bytes]:
        """Yield the bytes of each token."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        begin, end, group = 0, 0, list[str]()  # tokens that overlap are parts of the same characters
        for token, (first, last) in zip(encoded.tokens, encoded.offsets, strict=True):
            if first >= end > begin:
                yield from _parts(group, utf8(text[begin:end]))
                begin, group = end, []
            group.append(token)
            end = max(end, last)
        yield from _parts(group, utf8(text[begin:]))


def _parts(tokens: list[str], covered: bytes) -> Iterable[bytes]:
    """Return the bytes of each of some tokens if that is what they cover, otherwise all of it as one."""
    for spell in (_byte_level, surface_bytes):
        parts = [spell(token) for token in tokens]
        if b"".join(parts) == covered:
            return parts
    return [covered]


def _byte_level(token: str) -> bytes:
    """Return the bytes of a token that has a character for each, as GPT-2's do; empty if it has others."""
    values = _byte_of_char()
    return bytes(values[char] for char in token) if values.keys() >= set(token) else b""


@cache
def _byte_of_char() -> dict[str, int]:
    """Return the byte of each character of byte-level tokens: printable ones of Latin-1 are themselves."""
    from tokenizers.pre_tokenizers import ByteLevel

    chars = sorted(ByteLevel.alphabet())
    own = {char: ord(char) for char in chars if ord(char) < 256}
    others = (value for value in range(256) if chr(value) not in own)
    return own | dict(zip(chars[len(own) :], others, strict=True))
