"""Tokenizers from elsewhere (Hugging Face, tiktoken), with a vocabulary of what the training text has."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray

from textgen.contracts import Search, TextgenError
from textgen.data.decoding import utf8
from textgen.data.vocabulary import TokenTable, surface_bytes
from textgen.runtime.messages import import_extra, one_line, reason_of, require_extra
from textgen.runtime.storage.files import read_plain
from textgen_tokenizers.bpe import NEEDS, import_tokenizers, surface

SURROGATES = re.compile("([\ud800-\udfff]+)")
MAX_BYTES = 2**26
"""Bytes of the file of a tokenizer, at most."""
MinCount = Annotated[
    int, Ge(1), Le(1_000_000), Search(1, 10, log=True), doc("Minimum count for a token to be kept.")
]
NEEDS_TIKTOKEN = "the tokenizer 'tiktoken' needs the package tiktoken"
BYTES = [bytes([value]) for value in range(256)]


class PretrainedTokenizer:
    """Base of tokenizers that cut a text as one from elsewhere does.

    The vocabulary is the 256 bytes and every token that occurs in the training text at least `min_count`
    times; others are spelled by bytes, in training too, so that spelling is learnt.
    """

    min_count: int
    """Minimum number of occurrences in the training text of a token that is kept."""
    tokens: Sequence[str] = ()
    _source: Any = None
    """What the tokenizer is made from, as JSON values."""

    def read(self) -> Any:
        """Return what the tokenizer is made from, as JSON values; raises `TextgenError`."""
        raise NotImplementedError

    def open(self, source: Any) -> None:
        """Make the tokenizer."""
        raise NotImplementedError

    def cut(self, text: str) -> Iterable[bytes]:
        """Yield the bytes of each token; joined, they are those of the text, which has no surrogates."""
        raise NotImplementedError

    def fit(self, text: str) -> None:
        """Read the tokenizer, and find which of its tokens occur in the training split."""
        self.fit_counts([self.count(text)])

    def count(self, text: str) -> Counter[bytes]:
        """Return how often each token occurs in a part of the training split."""
        self._opened()
        return Counter(self._pieces(text))

    def fit_counts(self, counts: Iterable[Counter[bytes]]) -> None:
        """Take the tokens that occur often enough, by falling frequency."""
        self._opened()
        total: Counter[bytes] = Counter()
        for part in counts:
            total.update(part)
        kept = [piece for piece, count in total.items() if len(piece) > 1 and count >= self.min_count]
        kept = sorted([*kept, *BYTES], key=lambda piece: (-total[piece], piece))
        self._build([surface(piece) for piece in kept])

    def encode(self, text: str) -> NDArray[np.int32]:
        ids: list[int] = []
        for piece in self._pieces(text):
            known = self._id_of.get(piece)
            ids += self._spelled(piece) if known is None else [known]
        return np.array(ids, np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        return self._table.decode(np.asarray(ids, np.int64).tolist())

    def state(self) -> dict[str, Any]:
        """Return the tokens, and the whole tokenizer, so that a run does not depend on its file."""
        return {"tokens": list(self.tokens), "source": self._source}

    def restore(self, state: dict[str, Any]) -> None:
        self._source = state["source"]
        self.open(self._source)
        self._build(state["tokens"])

    def _opened(self) -> None:
        if self._source is None:
            self._source = self.read()
            self.open(self._source)

    def _pieces(self, text: str) -> Iterator[bytes]:
        """Yield the bytes of each token; of surrogates, which others do not read, each byte."""
        for index, part in enumerate(SURROGATES.split(text)):
            if part:
                yield from (BYTES[byte] for byte in utf8(part)) if index % 2 else filter(None, self.cut(part))

    def _spelled(self, piece: bytes) -> list[int]:
        return [self._id_of[BYTES[byte]] for byte in piece]

    def _build(self, tokens: list[str]) -> None:
        self.tokens, self._table = tokens, TokenTable(tokens)
        self._id_of = {piece: index for index, piece in enumerate(self._table.pieces)}


@dataclass
class HFTokenizer(PretrainedTokenizer):
    """The tokens of a Hugging Face tokenizer that occur in the training text, and bytes for all else.

    A token is the text that it covers, with what the tokenizer drops before it, so nothing is lost. Special
    tokens are not used: what looks like one is text.
    """

    path: Annotated[str, doc("Path of a `tokenizer.json`, or of a folder with one.")] = ""
    min_count: MinCount = 2
    _tokenizer: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tokenizers", "hf", NEEDS.format("hf"))

    def read(self) -> str:
        """Return the file; raises `TextgenError` if it cannot be read."""
        if not self.path:
            raise TextgenError("the tokenizer 'hf' needs a file; write path=FOLDER with a tokenizer.json")
        path = Path(self.path)
        path = path / "tokenizer.json" if path.is_dir() else path
        try:
            return read_plain(path, MAX_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TextgenError(f"the tokenizer {str(path)!r} cannot be read: {reason_of(error)}") from None

    def open(self, source: str) -> None:
        """Make the tokenizer, with nothing that adds tokens, cuts the text short or moves offsets."""
        tokenizers = import_tokenizers("hf", "hf")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(source)
        except Exception as error:  # whatever the library raises
            reason = one_line(error, with_type=False)
            raise TextgenError(f"the tokenizer {self.path!r} cannot be used: {reason}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True

    def cut(self, text: str) -> Iterator[bytes]:
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


@dataclass
class TiktokenTokenizer(PretrainedTokenizer):
    """The tokens of a tiktoken encoding that occur in the training text, and bytes for all else.

    Special tokens are not used: what looks like one is text.
    """

    path: Annotated[str, doc("File such as `cl100k_base.tiktoken`; default: tiktoken's cache.")] = ""
    name: Annotated[str, doc("Encoding such as `cl100k_base`; default: the name of the file.")] = ""
    min_count: MinCount = 2
    _encoding: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        require_extra("tiktoken", "tiktoken", NEEDS_TIKTOKEN)

    def read(self) -> dict[str, Any]:
        """Return pattern and ranks; raises `TextgenError` if they cannot be read."""
        name = self.name or Path(self.path).stem
        if not name:
            raise TextgenError("the tokenizer 'tiktoken' needs an encoding; write path=FILE or name=ENCODING")
        tiktoken = _library()
        known = tiktoken.list_encoding_names()
        if name not in known:
            raise TextgenError(f"tiktoken has no encoding {name!r}; give name= one of {', '.join(known)}")
        # What the library lacks it would download by this function.
        with patch("tiktoken.load.read_file", self._local_file):
            try:
                encoding = tiktoken.get_encoding(name)
            except (OSError, ValueError, AssertionError) as error:
                where = self.path or "tiktoken's cache"
                raise TextgenError(f"{where} is not the encoding {name!r}: {one_line(error)}") from error
        ranks = encoding._mergeable_ranks.items()
        return {
            "pattern": encoding._pat_str,
            "ranks": {base64.b64encode(piece).decode("ascii"): rank for piece, rank in ranks},
        }

    def open(self, source: dict[str, Any]) -> None:
        ranks = {base64.b64decode(piece): rank for piece, rank in source["ranks"].items()}
        self._encoding = _library().Encoding(
            "textgen", pat_str=source["pattern"], mergeable_ranks=ranks, special_tokens={}
        )

    def cut(self, text: str) -> Iterator[bytes]:
        return map(self._encoding.decode_single_token_bytes, self._encoding.encode_ordinary(text))

    def _local_file(self, address: str) -> bytes:
        if not self.path:
            raise TextgenError(
                f"tiktoken's cache has no {address.rpartition('/')[2]}, and textgen downloads nothing; "
                "give the file with path="
            )
        try:
            return read_plain(Path(self.path), MAX_BYTES)
        except OSError as error:
            raise TextgenError(f"{self.path!r} cannot be read: {reason_of(error)}") from None


def _library() -> Any:
    return import_extra("tiktoken", "tiktoken", NEEDS_TIKTOKEN)
