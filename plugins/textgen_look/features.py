"""What there is to follow in a text, after each of its characters: quotes, brackets, places, classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from textgen.data.words import WORD, spans

Values = NDArray[np.float64]
"""[characters], after each of them."""

FARTHEST = 100
"""Characters from which on a place is not told from a later one."""
OPENING, CLOSING = "([{", ")]}"
MAX_DEPTH = 20
QUOTES = {'"': '"', "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c"}
"""What closes each quotation mark; apostrophes are left out, which end words too."""
PARAGRAPH = "\n\n"


def features(text: str) -> dict[str, Values]:
    """Return the values of each feature after each character of a text."""
    return {name: of(text) for name, of in FEATURES.items()}


def _inside_quotes(text: str) -> Values:
    """Return 1 from a quotation mark to the one that closes it; a paragraph closes all."""
    closing, values = "", np.zeros(len(text))
    for place, character in enumerate(text):
        if character == closing or text[place - 1 : place + 1] == PARAGRAPH:
            closing = ""
        elif not closing:
            closing = QUOTES.get(character, "")
        values[place] = bool(closing)
    return values


def _depth(text: str) -> Values:
    """Return how many brackets are open; a paragraph closes all, since many are faces or lists."""
    depth, values = 0, np.zeros(len(text))
    for place, character in enumerate(text):
        change = (character in OPENING) - (character in CLOSING)
        depth = 0 if text[place - 1 : place + 1] == PARAGRAPH else min(max(0, depth + change), MAX_DEPTH)
        values[place] = depth
    return values


def _since(pattern: str) -> Callable[[str], Values]:
    """Return the function to the number of characters since a match ended, up to `FARTHEST`."""
    compiled = re.compile(pattern)

    def count(text: str) -> Values:
        last = np.full(len(text), -1)
        for match in compiled.finditer(text):
            last[match.end() - 1] = match.end() - 1
        distance = np.arange(len(text)) - np.maximum.accumulate(last)
        return np.minimum(distance, FARTHEST).astype(float)

    return count


def _is(test: Callable[[str], bool]) -> Callable[[str], Values]:
    return lambda text: np.array([test(character) for character in text], float)


def _after_comma(text: str) -> Values:
    """Return 1 after a comma or semicolon and the space that follows it, up to the next letter."""
    return np.array([bool(re.match(r"\s?[,;]", text[place::-1][:2])) for place in range(len(text))], float)


def _in_capitals(text: str) -> Values:
    """Return 1 in words of two capitals or more, such as a speaker's name."""
    values = np.zeros(len(text))
    for begin, end in spans(WORD, text):
        values[begin:end] = end - begin > 1 and text[begin:end].isupper()
    return values


def _indentation(text: str) -> Values:
    """Return the spaces that the current line begins with."""
    return np.concatenate(
        [np.zeros(0)]
        + [np.full(len(line), len(line) - len(line.lstrip(" "))) for line in text.splitlines(keepends=True)]
    )[: len(text)].clip(max=FARTHEST)


FEATURES: Mapping[str, Callable[[str], Values]] = {
    "inside quotes": _inside_quotes,
    "depth of brackets": _depth,
    "place in the line": _since("\n"),
    "place in the sentence": _since(r"[.!?\u2026\u3002]"),
    "place in the word": _since(r"\W"),
    "indentation": _indentation,
    "word in capitals": _in_capitals,
    "after a comma": _after_comma,
    "capital letter": _is(str.isupper),
    "digit": _is(str.isdigit),
    "vowel": _is(lambda character: character.lower() in set("aeiouyäöüáéíóúàèìòùâêîôû")),
    "letter": _is(str.isalpha),
    "white space": _is(str.isspace),
    "line break": _is("\n".__eq__),
}
"""By name. The last few, which any model follows, keep units that follow them from being called others."""


def varying(found: Mapping[str, Values]) -> Iterator[str]:
    """Yield the features that are not the same everywhere."""
    return (name for name, values in found.items() if values.size and values.min() < values.max())
