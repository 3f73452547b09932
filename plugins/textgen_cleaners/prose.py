"""Clean prose: broken characters repaired, typography unified, leftover markup and licences removed.

The text is cleaned block by block, where blank lines separate blocks. A block is cleaned repeatedly until
nothing changes (a tag may be hidden in an entity), which makes the cleaner idempotent. Blocks of plain ASCII
prose, which most are, need no work at all, which makes it fast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from annotated_types import doc

from textgen_cleaners.markup import strip_markup
from textgen_cleaners.typography import normalise_unicode, repair, straighten_quotes, unify_line_breaks

BLANK_LINES = re.compile(r"(\n\s*\n)")
SUSPECT = re.compile(r"[^\t\n -~]|[<>&\[\]{}|_=`]|''")
"""Characters that plain prose lacks: every step but `whitespace` leaves a block without them unchanged."""

MARKUP_SYMBOLS = re.compile(r"[<>&\[\]{}|_=`]")
NUM_ROUNDS = 8
"""Maximum number of times that a block is cleaned."""


@dataclass
class Prose:
    """Repaired prose with its case, punctuation and paragraphs kept. Each option is one step.

    With all of them on, cleaning twice is the same as cleaning once.
    """

    repair: Annotated[bool, doc("Repair mojibake.")] = True
    unicode: Annotated[bool, doc("Compose characters and remove invisible ones.")] = True
    quotes: Annotated[bool, doc("Convert quotation marks and dashes to ASCII.")] = True
    markup: Annotated[bool, doc("Remove leftover HTML, wiki and Gutenberg markup.")] = True
    boilerplate: Annotated[bool, doc("Remove Project Gutenberg's header and licence.")] = True
    unwrap: Annotated[bool, doc("Join the lines of hard-wrapped prose.")] = True
    whitespace: Annotated[bool, doc("Collapse white space to single spaces and single blank lines.")] = True

    @property
    def joint(self) -> str:
        """The text between two blocks that were cleaned separately."""
        return "\n" if self.whitespace else ""

    def clean(self, text: str) -> str:
        """Return the cleaned text, which is empty or (with `whitespace`) ends with one newline."""
        text = self._clean_blocks(text)
        while True:
            reduced = strip_boilerplate(text) if self.boilerplate else text
            reduced = unwrap(reduced) if self.unwrap else reduced
            if reduced == text:
                return text
            text = self._clean_blocks(reduced)

    def _clean_blocks(self, text: str) -> str:
        """Return the text with each block cleaned and, with `whitespace`, one blank line between blocks."""
        if self.unicode:
            text = unify_line_breaks(text)
        if self.whitespace:
            text = text.strip("\n")  # so that the newline at the end makes no difference
        blocks = BLANK_LINES.split(text)  # separators are at odd indices
        blocks[::2] = map(self._settle, blocks[::2])
        if not self.whitespace:
            return "".join(blocks)
        cleaned = [block for block in blocks[::2] if block]
        return "\n\n".join(cleaned) + "\n" if cleaned else ""

    def _settle(self, block: str) -> str:
        """Return a block cleaned until it no longer changes.

        Real text settles in two rounds. A block that still changes after `NUM_ROUNDS` is nested on purpose;
        it loses all symbols of markup.
        """
        for _ in range(NUM_ROUNDS):
            cleaned = self._clean_block(block)
            if cleaned == block:
                return block
            block = cleaned
        return self._clean_block(MARKUP_SYMBOLS.sub("", block))

    def _clean_block(self, block: str) -> str:
        """Return a block after each step once. Mojibake comes first, since it often contains quotes."""
        if SUSPECT.search(block):
            if self.repair:
                block = repair(block)
            if self.unicode:
                block = normalise_unicode(block)
            if self.quotes:
                block = straighten_quotes(block)
            if self.markup:
                block = strip_markup(block)
        return tidy_lines(block) if self.whitespace else block


def tidy_lines(block: str) -> str:
    """Return the lines of a block that are not blank, with single spaces inside and none at the ends."""
    lines = (" ".join(line.split()) for line in block.split("\n"))
    return "\n".join(filter(None, lines))


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
