"""Joining of the lines of hard-wrapped prose."""

from __future__ import annotations

import re

MIN_LINE, MAX_LINE = 50, 90
"""Range of the length of the lines of a wrapped paragraph, except the last."""
MIN_SHARE = 0.8
"""Minimum share of wrapped paragraphs, among those of several lines, in wrapped prose (not in a play)."""

_BREAK = r"[^\S\n]*\n[^\S\n]*"
_WIDE = "[\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff5e]"
"""A character of Chinese or Japanese prose, its punctuation included."""
_BLANK_LINE = re.compile(r"(\n[^\S\n]*\n\s*)")


def unwrap(text: str) -> str:
    """Return text with the lines of wrapped paragraphs joined, if the text as a whole is wrapped prose.

    Verse, plays and tables keep their lines, which are shorter or uneven. A line that ends with a dash is
    joined without a space, and so are Chinese or Japanese characters.
    """
    parts = _BLANK_LINE.split(text)  # paragraph, blank lines, paragraph, …
    several = [part for part in parts[::2] if "\n" in part.strip("\n")]
    if sum(map(_is_wrapped, several)) < MIN_SHARE * len(several):
        return text
    parts[::2] = [_join(part) if _is_wrapped(part) else part for part in parts[::2]]
    return "".join(parts)


def _is_wrapped(paragraph: str) -> bool:
    *lines, last = paragraph.strip("\n").split("\n")
    return (
        bool(lines)
        and all(MIN_LINE <= len(line.rstrip()) <= MAX_LINE for line in lines)
        and len(last) <= MAX_LINE
    )


def _join(paragraph: str) -> str:
    body = paragraph.strip("\n")
    joined = re.sub(rf"(?<=-){_BREAK}|(?<={_WIDE}){_BREAK}(?={_WIDE})", "", body)
    return paragraph.replace(body, re.sub(_BREAK, " ", joined))
