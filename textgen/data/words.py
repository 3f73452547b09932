"""Words: how metrics count them, and how word tokenizers cut a text without losing a character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

_MARKS = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.category(char)[0] == "M")
# To Python's \w, and to its \d not, these are word characters: ½, ², ①, Ⅳ and the like.
_NUMERALS = "".join(
    char for char in map(chr, range(0x80, 0x10000)) if unicodedata.category(char) in ("No", "Nl")
)
_LETTER = rf"[^\W\d_{_NUMERALS}]"
_LETTERS = rf"{_LETTER}(?:{_LETTER}|[{_MARKS}])*"

WORD = re.compile(rf"{_LETTERS}(?:['\u2019]{_LETTERS})*")
"""A word: letters with their combining marks, and straight or curly apostrophes between letters (`don't`)."""

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"  # Chinese characters
)
"""A character of a script that is written without spaces between words.

Such text is cut at Unicode's default word boundaries (UAX #29), which know no dictionary: a Chinese
character is a word, and so is a character of hiragana; katakana, Latin letters and digits form runs.
"""

_CLITIC = r"(?i:['’](?:s|re|ve|ll|d|m)\b)"
_NEGATION = r"(?i:n['’]t\b)"
PIECE_RULES = [
    r" ?\w++(?!['’])",  # most words: no clitic follows, so no rule below would cut them
    r"\n+",
    _NEGATION,
    _CLITIC,
    rf" ?\w+?(?={_NEGATION})",
    r" ?\w+",
    r" ?(?:--+|\.\.+)",
    r" ?[^\w\s]",
    r"[^\S\n]+(?![^\s])",  # a run of spaces, without the one that the next word carries
    r"\s",
]
"""The alternatives of the pattern by which `split_words` cuts, in order.

Penn-like: clitics are separate (`do` `n't`, `Anne` `'s`), as in the text that GloVe was trained on. Of the
rules tried (NLTK's WordPunct and Treebank among them) these have the best GloVe coverage: 99.6 % of the
running words of two Austen novels and 98.8 % of English Wikipedia, where Treebank reaches 96.4 % and 94.6 %.
"""
_PIECE = re.compile("|".join(PIECE_RULES))


_CUT_WORD = re.compile(r"[\w'\u2019-]+$")


def words(sample: str) -> list[str]:
    """Return the words of a sample, without a last one that touches its end and may be cut off."""
    return [sample[begin:end] for begin, end in whole_words(sample)]


def whole_words(sample: str) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each of the `words` of a sample."""
    last = len(sample.rstrip("'\u2019"))
    return ((begin, end) for begin, end in spans(WORD, sample) if end < last)


def without_cut_word(sample: str) -> str:
    """Return a sample without a last word that touches its end and may be cut off, unless it is all of it."""
    if has_unspaced(sample):
        begin = next((begin for begin, end in spans(WORD, sample) if end == len(sample)), len(sample))
        return sample[:begin] or sample
    return _CUT_WORD.sub("", sample) or sample


def spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each match of a pattern of words, cut where a script has no spaces."""
    places = (match.span() for match in pattern.finditer(text))
    return _cut_spans(text, places) if has_unspaced(text) else places


def split_words(text: str) -> list[str]:
    """Return the words, punctuation and white space of `text`; joined, they are `text`.

    A word carries the one space before it. Where a script has no spaces, a word is cut at Unicode's word
    boundaries.
    """
    # NLTK's RegexpTokenizer, whose engine checks for time-outs, takes six times as long.
    pieces = _PIECE.findall(text)
    if not has_unspaced(text):
        return pieces
    return [part for piece in pieces for part in (_cut(piece) if UNSPACED.search(piece) else (piece,))]


def count_between_spaces(text: str) -> int:
    """Return the number of words between white space; where a script has no spaces, that of its words."""
    chunks = text.split()
    if not has_unspaced(text):
        return len(chunks)
    return sum(max(1, len([*spans(WORD, chunk)])) if UNSPACED.search(chunk) else 1 for chunk in chunks)


def is_word_start(text: str, position: int) -> bool:
    """Return whether a word begins at `position`: after white space, or where a script has no spaces."""
    if text[position - 1 : position].isspace():
        return True
    return text[position : position + 1].isalnum() and _is_unspaced_boundary(text, position)


def is_phrase_start(text: str, position: int) -> bool:
    """Return whether a word begins at `position` after a punctuation mark or a line break."""
    before = text[position - 1 : position]
    is_mark = before == "\n" or unicodedata.category(before or "x") == "Po"
    return is_mark and text[position : position + 1].isalnum()


def is_word_end(text: str, position: int) -> bool:
    """Return whether a word ends at `position`: before white space, or where a script has no spaces."""
    return text[position : position + 1].isspace() or _is_unspaced_boundary(text, position)


def has_unspaced(text: str) -> bool:
    """Return whether a text has a character of a script without spaces."""
    return not text.isascii() and UNSPACED.search(text) is not None


_CONTEXT = 20
"""Characters on both sides that decide on a word boundary: a run of katakana is hardly longer."""


def _is_unspaced_boundary(text: str, position: int) -> bool:
    begin = max(0, position - _CONTEXT)
    if not UNSPACED.search(text, max(0, position - 1), position + 1):
        return False
    return any(begin + end == position for _, end in _parts(text[begin : position + _CONTEXT]))


def _cut_spans(text: str, places: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for begin, end in places:
        word = text[begin:end]
        if UNSPACED.search(word):
            parts = ((first, last) for first, last in _parts(word) if word[first] not in "'\u2019")
            yield from ((begin + first, begin + last) for first, last in parts)
        else:
            yield begin, end


def _cut(piece: str) -> list[str]:
    """Return a piece cut at word boundaries; the space before it stays with the first part."""
    word = piece.lstrip(" ")
    first, *others = (word[begin:end] for begin, end in _parts(word))
    return [piece[: len(piece) - len(word)] + first, *others]


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each part of a text between Unicode's word boundaries."""
    inner = (match.start() for match in _boundary().finditer(text, 1, len(text)))
    return pairwise(dict.fromkeys((0, *inner, len(text))))


@cache
def _boundary() -> regex.Pattern[str]:
    """Return the pattern of a word boundary; it is compiled for texts that need it."""
    import regex  # UAX #29, which `re` lacks; NLTK requires it too

    return regex.compile(r"(?w)\b")
