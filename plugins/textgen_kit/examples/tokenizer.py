"""Characters; those that are too rare in the training text are spelled by bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from textgen.contracts import TokenIds
from textgen.data.decoding import utf8
from textgen.data.vocabulary import BYTE_TOKENS, TokenTable


@dataclass
class Example:
    """Tokens are the frequent characters of the training text, then the 256 bytes."""

    min_count: Annotated[int, Ge(1)] = 3
    """Minimum number of occurrences of a character that becomes a token."""
    tokens: list[str] = field(default_factory=list, init=False)

    def fit(self, text: str) -> None:
        """Take the frequent characters of the training split."""
        counts = Counter(text)
        frequent = [char for char in counts if counts[char] >= self.min_count]
        self.restore({"characters": sorted(frequent)})

    def encode(self, text: str) -> TokenIds:
        """Return one id per known character, and one per UTF-8 byte of any other."""
        spelling = {char: self._spell(char) for char in set(text)}
        return np.array([token for char in text for token in spelling[char]], np.int32)

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """Return the text; invalid UTF-8 becomes U+FFFD."""
        return TokenTable(self.tokens).decode(ids)

    def state(self) -> dict[str, Any]:
        """Return the characters that are tokens."""
        return {"characters": self.tokens[: -len(BYTE_TOKENS)]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take the characters from `state`."""
        self.tokens = [*state["characters"], *BYTE_TOKENS]
        self._ids = {token: index for index, token in enumerate(self.tokens)}

    def _spell(self, char: str) -> list[int]:
        surfaces = [char] if char in self._ids else [BYTE_TOKENS[b] for b in utf8(char)]
        return [self._ids[surface] for surface in surfaces]
