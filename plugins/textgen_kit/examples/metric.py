"""Sentences that a reader can follow: how long they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge


@dataclass
class Example:
    """Words in a sentence, on average."""

    min_words: Annotated[int, Ge(1)] = 2
    """Fewest words of what counts as a sentence."""

    unit: ClassVar[str] = "words"
    best: ClassVar[str] = "author"
    """What is marked: the closest to the author's own; or "higher" or "lower"."""

    def measure(self, text: str) -> float | None:
        """Return the value of one sample; None if it has no sentence."""
        whole = re.split(r"[.!?]+", text)[1:-1]  # both ends may be cut off
        lengths = [len(each.split()) for each in whole]
        counted = [length for length in lengths if length >= self.min_words]
        return sum(counted) / len(counted) if counted else None
