"""One token per byte of UTF-8, as in ByT5 (Xue et al. 2022, arXiv:2105.13626): nothing to fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.data.decoding import from_utf8, utf8
from textgen.data.vocabulary import BYTE_TOKENS


@dataclass
class ByteTokenizer:
    """The 256 byte tokens; the id of each is its value.

    ASCII bytes are characters; bytes above 127 spell the other characters and count as fallback.
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
        """Return the text; never raises."""
        return from_utf8(np.asarray(ids, np.int64).astype(np.uint8).tobytes())

    def state(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Do nothing: the vocabulary is fixed."""
