"""Tokenizers that were made elsewhere, with a vocabulary of what they make of the training text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from textgen.contracts import Search
from textgen.data.decoding import utf8
from textgen.data.vocabulary import TokenTable
from textgen_tokenizers.bpe import surface

SURROGATES = re.compile("([\ud800-\udfff]+)")
MinCount = Annotated[int, Ge(1), Le(1_000_000), Search(1, 10, log=True)]
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
        """Return the ids of `text`."""
        ids: list[int] = []
        for piece in self._pieces(text):
            known = self._id_of.get(piece)
            ids += self._spelled(piece) if known is None else [known]
        return np.array(ids, np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text; never raises."""
        return self._table.decode(np.asarray(ids, np.int64).tolist())

    def state(self) -> dict[str, Any]:
        """Return the tokens, and the whole tokenizer, so that a run does not depend on its file."""
        return {"tokens": list(self.tokens), "source": self._source}

    def restore(self, state: dict[str, Any]) -> None:
        """Take tokens and tokenizer from `state`."""
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
