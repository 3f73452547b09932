"""What is written up to an end, such as that of the line: one name, title or verse of many."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal, TypeAlias

Until: TypeAlias = Literal["line", "sentence", "paragraph"]
"""Where a text ends: at a line break, after a sentence, or at a blank line."""
ENDS = {
    "line": re.compile(r"(?=\n)"),
    "sentence": re.compile(r"[.!?\u2026\u3002][\"'\u201d\u2019)\]]*(?=\s|$)|(?=\n\s*\n)"),
    "paragraph": re.compile(r"(?=\n\s*\n)"),
}
"""The end of the first item of a text that has begun."""


def first_item(text: str, until: str) -> str | None:
    """Return a text up to its first end, without space around it; None if it has none, or nothing before."""
    end = ENDS[until].search(text, len(text) - len(text.lstrip()))
    return (text[: end.end()].strip() or None) if end else None


def all_items(text: str, until: str) -> set[str]:
    """Return all items of a text."""
    places = [0, *(match.end() for match in ENDS[until].finditer(text)), len(text)]
    return {text[begin:end].strip() for begin, end in pairwise(places)}
