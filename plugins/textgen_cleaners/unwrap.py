"""Joining the lines of hard-wrapped prose, so that a line end means something again."""

from __future__ import annotations

import re

MIN_LINE, MAX_LINE = 50, 90
"""Every line of a wrapped paragraph, but for its last, is so many characters long."""
MIN_SHARE = 0.8
"""A text is wrapped prose if so many of its paragraphs with several lines are wrapped; a play is not."""

_BLANK_LINE = re.compile(r"(\n[^\S\n]*\n\s*)")


def unwrap(text: str) -> str:
    """Join the lines of wrapped paragraphs, if the text as a whole is wrapped prose.

    Verse, plays and tables keep their lines: they have shorter or uneven ones. A line that ends with a
    dash is joined without a space.
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
    joined = re.sub(r"(?<=-)[^\S\n]*\n[^\S\n]*", "", body)
    return paragraph.replace(body, re.sub(r"[^\S\n]*\n[^\S\n]*", " ", joined))
