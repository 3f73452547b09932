"""Lines, sentences and paragraphs: where they end in a text, and which one goes on from a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, TypeAlias

from simplemma import split_sentences

Until: TypeAlias = Literal["line", "sentence", "paragraph"]
"""Where a text ends: at a line break, after a sentence, or at a blank line."""
Span: TypeAlias = tuple[int, int]
"""The first character of a part of a text, and the one after its last."""
LINE_BREAK, BLANK_LINE = re.compile(r"\n"), re.compile(r"\n\s*\n")
QUOTES, GERMAN = {"\u201c": "\u201d", "\u00ab": "\u00bb"}, {"\u201e": "\u201c"}
"""Quotation marks and what closes them, “ ” and « » or „ “; straight ones close each other."""


def spans(text: str, until: Until, language: str = "") -> Iterator[Span]:
    """Yield the lines, sentences or paragraphs of a text, without the space around them.

    `language` is a BCP 47 tag, whose abbreviations end no sentence.
    """
    if until != "sentence":
        yield from _between(text, LINE_BREAK if until == "line" else BLANK_LINE)
        return
    for begin, end in _between(text, BLANK_LINE):
        yield from _sentences(text, begin, end, re.split("[-+]", language)[0])


def part_after(text: str, prompt: str, until: Until, language: str = "") -> Span | None:
    """Return the first line, sentence or paragraph that ends after the prompt with which a text begins.

    None if the text is cut off before that end.
    """
    last_break = LINE_BREAK if until == "line" else BLANK_LINE
    found = list(spans(text, until, language))
    if found and not last_break.search(text, found[-1][1]):
        del found[-1]  # it may go on
    return next((span for span in found if span[1] > len(prompt.rstrip())), None)


def _between(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Yield what is between the matches of a pattern, unless it is white space."""
    begin = 0
    for end, following in (*((each.start(), each.end()) for each in pattern.finditer(text)), (len(text), 0)):
        part = text[begin:end]
        if part.strip():
            yield begin + len(part) - len(part.lstrip()), begin + len(part.rstrip())
        begin = following


def _sentences(text: str, begin: int, end: int, language: str) -> Iterator[Span]:
    """Yield the sentences of a paragraph: none ends inside quotation marks, or before a small letter."""
    paragraph, first, at = text[begin:end], begin, begin
    pieces = _split(paragraph, language)
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        at = text.index(piece, at) + len(piece)
        if not following or not (_is_quoting(text[first:at]) or following[:1].islower()):
            yield first, at
            first = at + len(text[at:end]) - len(text[at:end].lstrip())


def _split(paragraph: str, language: str) -> list[str]:
    with suppress(ValueError):  # a language that simplemma does not know
        return split_sentences(paragraph, language)
    return split_sentences(paragraph)


def _is_quoting(text: str) -> bool:
    """Return whether quotation marks are open at the end of a text."""
    pairs = GERMAN if any(opening in text for opening in GERMAN) else QUOTES
    return text.count('"') % 2 == 1 or any(
        text.count(opening) > text.count(closing) for opening, closing in pairs.items()
    )
