"""One token per word with its leading space; rare ones are spelled by characters, then bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray

from textgen.contracts import Search
from textgen.data.decoding import utf8
from textgen.data.vocabulary import BYTE_TOKENS, TokenTable
from textgen.data.words import split_words
from textgen_tokenizers.char import splice

_CODE_CUT = re.compile(
    "(?<=[A-Za-z0-9])(?=_)"
    "|(?<=[a-z0-9])(?=[A-Z])"
    "|(?<=[A-Z])(?=[A-Z][a-z])"
    "|(?<=[A-Za-z_])(?=[0-9])"
    "|(?<=[0-9])(?=[A-Za-z0-9])"
)


def split_code(text: str) -> list[str]:
    """Return the pieces of `split_words`, with identifiers and numbers cut into their parts.

    A cut is before underscores, before a capital that begins a word, and around each digit: `max_len` gives
    `max` `_len`, `HTTPServer2` gives `HTTP` `Server` `2`, and `0x1F` gives `0` `x` `1` `F`.
    """
    pieces = split_words(text)
    parts = {piece: _CODE_CUT.split(piece) for piece in set(pieces)}
    return [part for piece in pieces for part in parts[piece]]


MAX_TYPES = 400_000
"""Different words that are counted at a time, unless the vocabulary may have many: those of about 90 million
characters. One takes BPE a kilobyte."""


class WordCounter:
    """Base of tokenizers that need nothing of a text but how often each of its words occurs."""

    def fit(self, text: str) -> None:
        self.fit_counts([self.count(text)])

    def count(self, text: str) -> Counter[str]:
        return Counter(split_words(text))

    def fit_counts(self, counts: Iterable[Counter[str]]) -> None:
        total: Counter[str] = Counter()
        for part in counts:
            total.update(part)
            if len(total) > self.max_types:
                total = without_rarest(total, self.max_types // 2)
        self.fit_total(total)

    @property
    def max_types(self) -> int:
        """The different words that are counted at a time; of more, the rarest are forgotten."""
        return MAX_TYPES

    def fit_total(self, counts: Counter[str]) -> None:
        """Learn the vocabulary from the counts of all parts."""
        raise NotImplementedError


def without_rarest(counts: Counter[str], number: int) -> Counter[str]:
    """Return the counts of the most frequent words, of this number, and of those with other characters."""
    ranked = counts.most_common()
    known = set[str]().union(*(word for word, _ in ranked[:number]))
    others = [(word, count) for word, count in ranked[number:] if not known.issuperset(word)]
    return Counter(dict(ranked[:number] + others))


@dataclass
class WordTokenizer(WordCounter):
    """Frequent words of the training text; all others are spelled, by characters and bytes.

    Tokens are words and spelling characters by falling frequency, then the 256 byte tokens.
    Spelling characters have ids of their own, distinct from words of one letter, so that a model learns how
    out-of-vocabulary words begin and end. Words below `min_count` are spelled in training, too: from these
    spelling is learnt, and they determine the frequency of each spelling character.
    """

    max_words: Annotated[
        int, Ge(1), Le(10_000_000), Search(1000, 50_000, log=True), doc("Maximum number of words.")
    ] = 20_000
    min_count: Annotated[
        int, Ge(1), Le(1_000_000), Search(1, 10, log=True), doc("Minimum count for a word to become a token.")
    ] = 2
    speller: Annotated[
        Literal["ngrams", "model"],
        Search(),
        doc("What spells words that are not tokens: n-grams or the model."),
    ] = "ngrams"
    split: Annotated[
        Literal["text", "code"], Search(), doc("code: split identifiers into parts and numbers into digits.")
    ] = "text"
    tokens: list[str] = field(default_factory=list, init=False)
    fallback: NDArray[np.bool_] = field(init=False, repr=False)

    @property
    def max_types(self) -> int:
        """Enough for those that become tokens to be known early."""
        return max(MAX_TYPES, 4 * self.max_words)

    def count(self, text: str) -> Counter[str]:
        return Counter(self._pieces(text))

    def fit_total(self, counts: Counter[str]) -> None:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words = [(word, count) for word, count in ranked[: self.max_words] if count >= self.min_count]
        characters = Counter(dict.fromkeys(sorted(set[str]().union(*counts)), 0))
        for word, count in ranked[len(words) :]:
            for character in word:
                characters[character] += count
        # Sorting is stable: words come before equally frequent characters.
        tokens = [(word, count, False) for word, count in words]
        tokens += [(character, count, True) for character, count in characters.items()]
        tokens.sort(key=lambda token: -token[1])
        self._build([surface for surface, _, _ in tokens], [spells for _, _, spells in tokens])

    def extend(self, text: str) -> None:
        """Add the words of a text that are frequent enough, and its characters, after the bytes."""
        counts = self.count(text)
        words = [
            word
            for word, count in counts.most_common(self.max_words)
            if count >= self.min_count and word not in self._id_of_word
        ]
        characters = sorted(set[str]().union(*counts) - self._id_of_char.keys())
        added = [*words, *characters]
        spells = [*self._spells, *(False for _ in words), *(True for _ in characters)]
        self._build([*self._surfaces, *added], spells, self._num_added + len(added))

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return one id per word, or several for one that is spelled."""
        pieces = self._pieces(text)
        ids = np.fromiter(map(self._id_of_word.get, pieces, repeat(-1)), np.int32, len(pieces))
        missing = np.flatnonzero(ids < 0)
        if not len(missing):
            return ids
        unknown = {pieces[position] for position in missing}
        spelling = {piece: self._spell(piece) for piece in unknown}
        return splice(ids, missing, [spelling[pieces[position]] for position in missing])

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        return self._table.decode(np.asarray(ids, np.int64).tolist())

    def state(self) -> dict[str, Any]:
        """Return the tokens but bytes, the spelling characters among them, and how many follow the bytes."""
        spelling = np.flatnonzero(self._spells).tolist()
        added = {"added": self._num_added} if self._num_added else {}
        return {"surfaces": self._surfaces, "spelling": spelling, **added}

    def restore(self, state: dict[str, Any]) -> None:
        spelling, surfaces = set(state["spelling"]), state["surfaces"]
        spells = [index in spelling for index in range(len(surfaces))]
        self._build(surfaces, spells, state.get("added", 0))

    def _pieces(self, text: str) -> list[str]:
        return split_code(text) if self.split == "code" else split_words(text)

    def _build(self, surfaces: list[str], spells: list[bool], num_added: int = 0) -> None:
        """Set the tokens: surfaces, of which the last `num_added` are after the bytes."""
        self._surfaces, self._spells, self._num_added = surfaces, spells, num_added
        first = self._first_byte = len(surfaces) - num_added
        self.tokens = [*surfaces[:first], *BYTE_TOKENS, *surfaces[first:]]
        self.fallback = np.array([*spells[:first], *(True for _ in BYTE_TOKENS), *spells[first:]])
        self._table = TokenTable(self.tokens)
        ids = [*range(first), *range(first + len(BYTE_TOKENS), len(self.tokens))]
        by_id = list(zip(ids, surfaces, spells, strict=True))
        self._id_of_word = {surface: index for index, surface, spelling in by_id if not spelling}
        self._id_of_char = {surface: index for index, surface, spelling in by_id if spelling}

    def _spell(self, piece: str) -> list[int]:
        ids = []
        for char in piece:
            known = self._id_of_char.get(char)
            ids += [self._first_byte + byte for byte in utf8(char)] if known is None else [known]
        return ids
