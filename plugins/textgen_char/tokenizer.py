"""One token per character; characters that the training text lacks are spelled by their UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.tokens import BYTE_TOKENS, TokenTable, splice, utf8


@dataclass
class CharTokenizer:
    """Characters of the training text, then the 256 byte tokens."""

    tokens: list[str] = field(default_factory=list, init=False)
    fallback: NDArray[np.bool_] = field(init=False, repr=False)

    def fit(self, text: str) -> None:
        """Take the alphabet from the training split."""
        self._build("".join(sorted(set(text))))

    def encode(self, text: str) -> NDArray[np.int32]:
        """Return one id per character, or one per byte for a character outside the alphabet."""
        points = _code_points(text)
        ids = self._id_of_point[np.minimum(points, len(self._id_of_point) - 1)]
        missing = np.flatnonzero(ids < 0)
        if not len(missing):
            return ids
        return splice(ids, missing, [self._spell(chr(points[position])) for position in missing])

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        """Return the text; never raises."""
        return self._table.decode(np.asarray(ids, np.int64).tolist())

    def state(self) -> dict[str, Any]:
        """Return the alphabet, as a list: JSON would join a pair of lone surrogates in a string."""
        return {"alphabet": list(self._alphabet)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the alphabet from `state`."""
        self._build("".join(state["alphabet"]))

    def _build(self, alphabet: str) -> None:
        self._alphabet = alphabet
        self.tokens = [*alphabet, *BYTE_TOKENS]
        self.fallback = np.arange(len(self.tokens)) >= len(alphabet)
        self._table = TokenTable(self.tokens)
        points = _code_points(alphabet)
        # One entry more than the largest code point: all that lie above share the last, which is missing.
        self._id_of_point = np.full(int(points.max(initial=0)) + 2, -1, np.int32)
        self._id_of_point[points] = np.arange(len(alphabet))

    def _spell(self, character: str) -> list[int]:
        return [len(self._alphabet) + byte for byte in utf8(character)]


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
