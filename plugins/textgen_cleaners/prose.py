"""Clean prose: broken characters repaired, typography unified, leftover markup and licences removed.

The text is cleaned block by block, where blank lines separate blocks. A block is cleaned repeatedly until
nothing changes (a tag may be hidden in an entity), which makes the cleaner idempotent. Blocks of plain ASCII
prose, which most are, need no work at all, which makes it fast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from textgen_cleaners.boilerplate import strip_boilerplate
from textgen_cleaners.markup import strip_markup
from textgen_cleaners.typography import normalise_unicode, repair, straighten_quotes, unify_line_breaks
from textgen_cleaners.unwrap import unwrap

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

    repair: bool = True
    """Undo mojibake."""
    unicode: bool = True
    """Compose characters and remove invisible ones."""
    quotes: bool = True
    """Replace quotation marks and dashes by ASCII."""
    markup: bool = True
    """Remove leftover HTML, wiki and Gutenberg markup."""
    boilerplate: bool = True
    """Remove Project Gutenberg's header and licence."""
    unwrap: bool = True
    """Join the lines of hard-wrapped prose."""
    whitespace: bool = True
    """Collapse white space to single spaces and single blank lines."""

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
