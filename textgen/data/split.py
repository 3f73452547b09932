"""The split of a text into train, validation and test, cut between paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from textgen.api import TextgenError
from textgen.data.text import BOUNDARIES, Text, part

PARTS = ("train", "validation", "test")


MIN_CHARS = {"train": 100, "validation": 20, "test": 20}
"""The fewest characters of each part of a split."""


MIN_CUT_WINDOW = 1000
"""Characters that a cut may move to reach the end of a paragraph, unless 1 % of the text is more."""


MAX_HELD_OUT_CHARS = 1_000_000
"""At most this many characters of validation and of test are scored, the first ones of each."""


MAX_CUT_WINDOW = 1 << 16
"""Characters that a cut may move at most in a text on disk."""


@dataclass(frozen=True)
class SplitPart:
    """Size and hash of one part of a split."""

    num_chars: int
    sha256: str
    scored_chars: int | None = None
    """Characters that are scored, if not all of them are."""


@dataclass(frozen=True)
class SplitInfo:
    """Sizes and hashes of the parts of a split."""

    train: SplitPart
    validation: SplitPart
    test: SplitPart


@dataclass(frozen=True)
class Split:
    """The three parts of a text; joined they are the text. `test` may be empty."""

    train: Text
    validation: Text
    test: Text

    def scored(self, name: str) -> str:
        """Return the scored part of `validation` or `test`: its first `MAX_HELD_OUT_CHARS` characters."""
        held_out: Text = getattr(self, name)
        return held_out[:MAX_HELD_OUT_CHARS]

    @property
    def scored_on(self) -> Literal["test", "validation"]:
        """The part whose score counts: `test`, or `validation` if there is no test part."""
        return "test" if self.test else "validation"

    @property
    def held_out(self) -> str:
        """The scored text of that part."""
        return self.scored(self.scored_on)


def parse_split(text: str) -> tuple[int, ...]:
    """Return the percentages of `90/5/5` (train, validation, test) or `90/10` (no test part)."""
    parts = text.split("/")
    if all(part.strip().isdecimal() for part in parts):
        fractions = tuple(int(part) for part in parts)
        if len(fractions) in (2, 3) and sum(fractions) == 100 and min(fractions) > 0:
            return fractions
    raise TextgenError(f"invalid split {text!r}; give percentages such as 90/5/5, or 90/10 for no test part")


def split_text(text: Text, fractions: Sequence[int]) -> Split:
    """Return `text` cut into contiguous parts of these percentages, between paragraphs where possible.

    A cut moves from its exact position to the nearest end of a paragraph, of a line or of a word, in this
    order, within 1 % of the text (at least 1000 characters, at most `MAX_CUT_WINDOW` on disk), but never
    by more than half of a part.
    Raises `TextgenError` if a part would be shorter than `MIN_CHARS`.
    """
    sizes = [len(text) * percent // 100 for percent in fractions]
    minima = [MIN_CHARS[part] for part in PARTS[: len(fractions)]]
    if any(size < least for size, least in zip(sizes, minima, strict=True)):
        needed = max(-(-least * 100 // percent) for least, percent in zip(minima, fractions, strict=True))
        raise TextgenError(
            f"the text is too short to split {'/'.join(map(str, fractions))}: {len(text)} characters; "
            f"give at least {needed}, or change --split"
        )
    slack = [size - least for size, least in zip(sizes, minima, strict=True)]
    cuts = [0]
    for i, percent in enumerate(list(accumulate(fractions))[:-1]):
        room = min(cut_window(text), slack[i] // 2, slack[i + 1] // 2)
        cuts.append(cut_position(text, len(text) * percent // 100, room, room))
    cuts += [len(text)] * (len(PARTS) + 1 - len(cuts))
    return Split(*(part(text, begin, end) for begin, end in pairwise(cuts)))


def cut_window(text: Text) -> int:
    """Return how far a cut may move."""
    near = max(MIN_CUT_WINDOW, len(text) // 100)
    return near if isinstance(text, str) else min(near, MAX_CUT_WINDOW)


def cut_position(text: Text, target: int, before: int, after: int) -> int:
    """Return the best cut from `before` characters before `target` to `after` characters after it."""
    if not isinstance(text, str):
        begin = max(0, target - before - 2)
        return begin + cut_position(text[begin : target + after + 2], target - begin, before, after)
    low, high = target - before, target + after
    for boundary in BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, max(0, low - 2), min(high + 2, len(text)))]
        ends = [end for end in ends if low <= end <= high]
        if ends:
            return min(ends, key=lambda end: abs(end - target))
    return target
