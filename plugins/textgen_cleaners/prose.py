"""Clean prose: broken characters repaired, typography unified, left-over markup and licences gone.

The text is cleaned block by block, a block being what stands between blank lines. A block is cleaned
again until nothing changes (a tag may hide in an entity), which makes the cleaner idempotent; blocks of
plain ASCII prose, by far the most, need no work at all, which makes it fast.
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
"""What plain prose has none of; every step but `whitespace` leaves a block without it as it is."""

MARKUP_SYMBOLS = re.compile(r"[<>&\[\]{}|_=`]")
NUM_ROUNDS = 8


@dataclass
class Prose:
    """Repaired prose with its case, punctuation and paragraphs kept. Each option is one step.

    With all of them on, cleaning twice is the same as cleaning once.
    """

    repair: bool = True
    """Undo mojibake."""
    unicode: bool = True
    """Compose characters and drop invisible ones."""
    quotes: bool = True
    """Make quotation marks and dashes plain ASCII."""
    markup: bool = True
    """Drop what is left of HTML, wiki and Gutenberg markup."""
    boilerplate: bool = True
    """Drop Project Gutenberg's header and licence."""
    unwrap: bool = True
    """Join the lines of hard-wrapped prose."""
    whitespace: bool = True
    """Leave single spaces and single blank lines."""

    @property
    def joint(self) -> str:
        """What stands between two texts that were cleaned apart."""
        return "\n" if self.whitespace else ""

    def clean(self, text: str) -> str:
        """Return the cleaned text, which is empty or (with `whitespace`) ends in one newline."""
        text = self._clean_blocks(text)
        while True:
            reduced = strip_boilerplate(text) if self.boilerplate else text
            reduced = unwrap(reduced) if self.unwrap else reduced
            if reduced == text:
                return text
            text = self._clean_blocks(reduced)

    def _clean_blocks(self, text: str) -> str:
        """Clean each block; with `whitespace`, join them with one blank line."""
        if self.unicode:
            text = unify_line_breaks(text)
        if self.whitespace:
            text = text.strip("\n")  # so that the newline we end with cannot make a difference
        blocks = BLANK_LINES.split(text)  # separators at the odd places
        blocks[::2] = map(self._settle, blocks[::2])
        if not self.whitespace:
            return "".join(blocks)
        kept = [block for block in blocks[::2] if block]
        return "\n\n".join(kept) + "\n" if kept else ""

    def _settle(self, block: str) -> str:
        """Clean a block until it no longer changes.

        Real text settles in two rounds. What is still changing after `NUM_ROUNDS` is nested on
        purpose; it loses the symbols that markup is made of.
        """
        for _ in range(NUM_ROUNDS):
            cleaned = self._clean_block(block)
            if cleaned == block:
                return block
            block = cleaned
        return self._clean_block(MARKUP_SYMBOLS.sub("", block))

    def _clean_block(self, block: str) -> str:
        """Take each step once. Mojibake comes first: it is made of quotes and invisible characters."""
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
    """Return the lines of a block with single spaces inside, none around, and no blank line."""
    lines = (" ".join(line.split()) for line in block.split("\n"))
    return "\n".join(filter(None, lines))
