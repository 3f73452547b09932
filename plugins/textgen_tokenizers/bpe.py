"""Byte-pair encoding (Sennrich et al. 2016) of UTF-8 bytes, as in GPT-2, by Hugging Face's `tokenizers`.

It starts with the 256 bytes and repeatedly merges the most frequent pair of neighbours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray

from textgen.contracts import Search
from textgen.data.decoding import utf8
from textgen.data.vocabulary import BYTE_TOKENS, TokenTable, surface_bytes
from textgen.data.words import split_words
from textgen.runtime.messages import import_extra, require_extra
from textgen_tokenizers.word import WordCounter

NEEDS = "the tokenizer {!r} needs the package tokenizers"


@dataclass
class BPETokenizer(WordCounter):
    """Parts of words by falling frequency, including single bytes; no token crosses the end of a word.

    Words are those of the word tokenizer, with their leading space. Only bytes that are not characters by
    themselves count as spelling what the vocabulary lacks.
    """

    vocab_size: Annotated[
        int, Ge(256), Le(1_000_000), Search(300, 20_000, log=True), doc("Maximum number of tokens.")
    ] = 4000
    tokens: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        require_extra("tokenizers", "bpe", NEEDS.format("bpe"))

    def fit_total(self, counts: Counter[str]) -> None:
        words = Counter({byte_chars(utf8(word)): count for word, count in counts.items()})
        tokenizers = import_tokenizers("bpe", "bpe")
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=2,
            initial_alphabet=list(byte_chars(bytes(range(256)))),
            show_progress=False,
        )
        trained = tokenizers.Tokenizer(tokenizers.models.BPE())
        trained.train_from_iterator(words.elements(), trainer)
        learnt = json.loads(trained.to_str())["model"]
        frequency: Counter[str] = Counter()
        for word, count in words.items():
            for token in trained.model.tokenize(word):
                frequency[token.value] += count
        # Sorting is stable: equally frequent tokens stay in the order in which they were learnt.
        pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
        pieces.sort(key=lambda piece: -frequency[piece])
        id_of_piece = {piece: index for index, piece in enumerate(pieces)}
        merges = [[id_of_piece[part] for part in pair] for pair in learnt["merges"]]
        self._build([surface(piece.encode("latin-1")) for piece in pieces], merges)

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return the ids of `text`; each distinct word is looked up once."""
        words = split_words(text)
        ids = {word: self._spell(word) for word in set(words)}
        return np.fromiter(chain.from_iterable(map(ids.__getitem__, words)), np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        return self._table.decode(np.asarray(ids, np.int64).tolist())

    def state(self) -> dict[str, Any]:
        """Return the tokens, and the pairs of ids that are merged, in the order they were learnt."""
        return {"tokens": self.tokens, "merges": self._merges}

    def restore(self, state: dict[str, Any]) -> None:
        self._build(state["tokens"], state["merges"])

    def _build(self, tokens: list[str], merges: list[list[int]]) -> None:
        self.tokens, self._merges = tokens, merges
        self._table = TokenTable(tokens)
        pieces = [byte_chars(piece) for piece in self._table.pieces]
        vocabulary = {piece: index for index, piece in enumerate(pieces)}
        pairs = [(pieces[left], pieces[right]) for left, right in merges]
        self._model = import_tokenizers("bpe", "bpe").models.BPE(vocab=vocabulary, merges=pairs)

    def _spell(self, word: str) -> list[int]:
        return [token.id for token in self._model.tokenize(byte_chars(utf8(word)))]


def import_tokenizers(tokenizer: str, extra: str) -> Any:
    """Return Hugging Face's library, for a tokenizer; raises `TextgenError` if it is not installed."""
    return import_extra("tokenizers", extra, NEEDS.format(tokenizer))


def byte_chars(data: bytes) -> str:
    """Return one character per byte, as the library needs, which does not accept lone surrogates."""
    return data.decode("latin-1")


def surface(piece: bytes) -> str:
    """Return a token as text if that is valid and unambiguous, otherwise as bytes: `<0xE2><0x82>`."""
    text = piece.decode("utf-8", "replace")
    return text if surface_bytes(text) == piece else "".join(BYTE_TOKENS[byte] for byte in piece)
