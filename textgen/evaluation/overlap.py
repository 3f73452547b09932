"""Overlap of the scored text with the training text: a model may have read what it is to predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgen.data.text import Text
from textgen.evaluation.memorization import joined_windows, known_windows

WINDOW = 60
"""Characters of a window; prose hardly repeats as many by chance."""
NUM_SHOWN = 20
MAX_SHOWN_CHARS = 80
MAX_TRAIN_CHARS = 200_000_000
"""Of a longer training text, this much of its beginning is searched."""


@dataclass(frozen=True)
class CopiedSpan:
    """A span of the scored text that is made of windows which the training text has."""

    stretch: int
    """The stretch of the scored text that it is in, from 0."""
    begin: int
    """Its first character in the stretch."""
    num_chars: int
    beginning: str


@dataclass(frozen=True)
class Overlap:
    """How much of the scored text is in the training text."""

    share: float
    """Share of all windows of `WINDOW` characters of the scored text."""
    num_spans: int
    spans: tuple[CopiedSpan, ...]
    """The longest ones."""


def find_overlap(stretches: Sequence[str], train_text: Text) -> Overlap:
    """Return how much of the stretches is in the training text."""
    known = known_windows(stretches, train_text[:MAX_TRAIN_CHARS], WINDOW)
    spans = [
        CopiedSpan(index, begin, end - begin, stretch[begin : min(end, begin + MAX_SHOWN_CHARS)])
        for index, (stretch, flags) in enumerate(zip(stretches, known, strict=True))
        for begin, end in joined_windows(flags, WINDOW)
    ]
    num_windows = sum(map(len, known))
    share = int(sum(map(np.count_nonzero, known))) / num_windows if num_windows else 0.0
    longest = sorted(spans, key=lambda span: -span.num_chars)
    return Overlap(share, len(spans), tuple(longest[:NUM_SHOWN]))
