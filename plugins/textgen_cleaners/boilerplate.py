"""Removal of Project Gutenberg's header and licence, which do not belong to the book."""

from __future__ import annotations

import re

START = re.compile(r"\W*(?:start of (?:the |this )?project gutenberg\b|end\W*the small print\b)", re.I)
"""The last line of a header; until about 2003, the end of "the small print"."""

END = re.compile(r"\W*end of (?:the |this )?project gutenberg\b", re.I)
"""The line before the licence."""

LICENCE_END = "subscribe to our email newsletter"
MAX_HEADER_LINES = 400
MAX_LICENCE_LINES = 450
"""Maximum length of a header or licence, for one whose other end is missing."""

CREDIT = re.compile(r"(?:produced|prepared|transcribed|e-?text prepared|this etext was \w+) by\b", re.I)


def strip_boilerplate(text: str) -> str:
    """Drop header and licence of every Project Gutenberg book in `text`, which may hold several.

    A header reaches from the first line that mentions Gutenberg to the line `*** START OF …`, a licence
    from `*** END OF …` to its last sentence. The text before and after them is kept.
    """
    if "gutenberg" not in text.lower():
        return text
    lines: list[str] = []
    book_begin = 0  # in `lines`; a header cannot reach further back
    num_licence_lines = 0  # the most that may still follow; 0 outside a licence
    after_header = in_credit = False
    for line in text.split("\n"):
        if START.match(line):
            lines[_header_begin(lines, book_begin) :] = [""]
            book_begin, num_licence_lines, after_header = len(lines), 0, True
        elif END.match(line):
            num_licence_lines = MAX_LICENCE_LINES
        elif num_licence_lines:
            num_licence_lines = 0 if LICENCE_END in line else num_licence_lines - 1
            book_begin = len(lines)
        elif after_header and (in_credit or not line.strip() or CREDIT.match(line)):
            in_credit = bool(line.strip())
        else:
            after_header = False
            lines.append(line)
    return "\n".join(lines)


def _header_begin(lines: list[str], book_begin: int) -> int:
    """Return the index of the first line of the header that ends `lines`, or their number."""
    first = max(book_begin, len(lines) - MAX_HEADER_LINES)
    return next((i for i in range(first, len(lines)) if "gutenberg" in lines[i].lower()), len(lines))
