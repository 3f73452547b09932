"""One token per character, the rest spelled by bytes; or one per byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import doc
from numpy.typing import NDArray

from textgen.data.decoding import from_utf8, utf8
from textgen.data.vocabulary import BYTE_TOKENS, TokenTable


@dataclass
class CharTokenizer:
    """Characters of the training text, and the 256 bytes for all others.

    Without byte tokens (`fallback_bytes=false`) the vocabulary is the alphabet alone, which always contains
    the newline. Other characters are then left out, and a text that contains any gets no score.
    """

    fallback_bytes: Annotated[
        bool, doc("Encode characters not in the training text as byte tokens (256).")
    ] = True
    tokens: list[str] = field(default_factory=list, init=False)
    fallback: NDArray[np.bool_] = field(init=False, repr=False)

    def fit(self, text: str) -> None:
        self.fit_counts([self.count(text)])

    def count(self, text: str) -> str:
        """Return the distinct characters of a part of the training split."""
        return "".join(set(text))

    def fit_counts(self, counts: Iterable[str]) -> None:
        # A newline precedes every text and prompt.
        always = "" if self.fallback_bytes else "\n"
        self._build("".join(sorted(set(always).union(*counts))))

    def extend(self, text: str) -> None:
        """Add the characters that are not known yet, after the bytes."""
        self._build(self._alphabet, self._added + "".join(sorted(set(text) - set(self.tokens))))

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return one id per character; a character outside the alphabet has one per byte, or none."""
        points = _code_points(text)
        ids = self._id_of_point.take(points, mode="clip")
        missing = np.flatnonzero(ids < 0)
        if not len(missing):
            return ids
        if not self.fallback_bytes:
            return ids[ids >= 0]
        return splice(ids, missing, [self._spell(chr(points[position])) for position in missing])

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        array = np.asarray(ids, np.int64)
        if len(array) and array.max() < len(self._alphabet):
            return self._points.take(array).tobytes().decode("utf-32-le", "surrogatepass")
        return self._table.decode(array.tolist())

    def state(self) -> dict[str, Any]:
        """Return the alphabet, as a list, since JSON would join a pair of lone surrogates in a string."""
        added = {"added": list(self._added)} if self._added else {}
        return {"alphabet": list(self._alphabet), "fallback_bytes": self.fallback_bytes, **added}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the alphabet, and whether there are byte tokens, from `state`."""
        self.fallback_bytes = state.get("fallback_bytes", True)
        self._build("".join(state["alphabet"]), "".join(state.get("added", ())))

    def _build(self, alphabet: str, added: str = "") -> None:
        self._alphabet, self._added = alphabet, added
        known = [*alphabet, *(BYTE_TOKENS if self.fallback_bytes else [])]
        self.tokens = [*known, *added]
        ids = np.array([*range(len(alphabet)), *range(len(known), len(self.tokens))])
        self.fallback = ~np.isin(np.arange(len(self.tokens)), ids)
        self._table = TokenTable(self.tokens)
        self._points = _code_points(alphabet).astype("<u4")
        points = _code_points(alphabet + added)
        # The last entry, above the largest code point, means "missing" for all code points beyond it.
        self._id_of_point = np.full(int(points.max(initial=0)) + 2, -1, np.int32)
        self._id_of_point[points] = ids

    def _spell(self, character: str) -> list[int]:
        return [len(self._alphabet) + byte for byte in utf8(character)]


def _code_points(text: str) -> NDArray[np.integer[Any]]:
    if text.isascii():  # takes a quarter of the memory, and is several times as fast
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def splice(
    ids: NDArray[np.int32], missing: NDArray[np.intp], spellings: list[list[int]]
) -> NDArray[np.int32]:
    """Return `ids` with the item at each position in `missing` (ascending) replaced by its spelling."""
    lengths = np.ones(len(ids), np.int64)
    lengths[missing] = [len(spelling) for spelling in spellings]
    result = np.repeat(ids, lengths)
    spelled = np.repeat(np.isin(np.arange(len(ids)), missing), lengths)
    result[spelled] = [token for spelling in spellings for token in spelling]
    return result


@dataclass
class ByteTokenizer:
    """The 256 byte tokens; the id of each is its value.

    As in ByT5 (Xue et al. 2022, arXiv:2105.13626). ASCII bytes are characters; bytes above 127 spell the
    other characters and count as fallback.
    """

    tokens: list[str] = field(default_factory=BYTE_TOKENS.copy, init=False)
    fallback: NDArray[np.bool_] = field(default_factory=lambda: np.arange(256) >= 128, init=False, repr=False)

    def fit(self, text: str) -> None:
        """Do nothing: the vocabulary is fixed."""

    def count(self, text: str) -> None:
        """Return nothing: there is nothing to count."""

    def fit_counts(self, counts: Iterable[None]) -> None:
        """Do nothing: the vocabulary is fixed."""

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return one id per byte; a lone surrogate has three."""
        return np.frombuffer(utf8(text), np.uint8).astype(np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        return from_utf8(np.asarray(ids, np.int64).astype(np.uint8).tobytes())

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Do nothing: the vocabulary is fixed."""
