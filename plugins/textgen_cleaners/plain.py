"""Cleaners without options: lower-case letters only, as in the first networks on novels, and no cleaning."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

APOSTROPHES = str.maketrans(dict.fromkeys("`\u00b4\u02bc\u2018\u2019\u201b\u2032", "'"))
"""Grave and acute accent, modifier apostrophe, single quotation marks, prime."""


LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)
"""Latin letters that have no decomposition into an ASCII letter and an accent."""

WHOLE_WORDS = {
    "ain't": "is not", "can't": "can not", "cannot": "can not", "let's": "let us", "ma'am": "madam",
    "o'er": "over", "shan't": "shall not", "won't": "will not", "y'all": "you all", "'em": "them",
    "'tis": "it is", "'twas": "it was", "'twere": "it were", "'twill": "it will",
}  # fmt: skip
ENDINGS = {"n't": "not", "'ll": "will", "'re": "are", "'ve": "have", "'m": "am", "'d": "would"}
IS_AFTER = ("he", "here", "how", "it", "she", "that", "there", "what", "when", "where", "who", "why")
"""Words after which 's is short for "is"; after any other it marks the possessive."""

WORD = re.compile(rf"(?<![a-z'])(?:{'|'.join(WHOLE_WORDS)})(?![a-z'])")
IS = re.compile(rf"\b({'|'.join(IS_AFTER)})'s(?![a-z'])")
ENDING = re.compile(rf"(?<=[a-z])({'|'.join(ENDINGS)})(?![a-z])")
PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
CLEAN = re.compile(r"(?:[a-z]++(?: [a-z]++)*+\n)*+")
"""A text that this cleaner returned: one paragraph per line."""
NO_LETTERS = re.compile(r"[^a-z]+")


@dataclass
class Letters:
    """Lower-case letters and spaces, one line per paragraph; contractions are spelled out.

    Accents are stripped; after that, everything but the letters a to z becomes a space. A possessive
    loses its apostrophe and keeps its s as a word (`john's` becomes `john s`), so that the word itself
    is left whole.
    """

    joint: ClassVar[str] = ""

    def clean(self, text: str) -> str:
        """Return `text` in at most 28 symbols: a to z, space and newline."""
        # Text that was cleaned already has its paragraphs in lines.
        paragraphs = text.split("\n") if CLEAN.fullmatch(text) else PARAGRAPH_BREAK.split(text)
        expanded = (expand_contractions(to_ascii_letters(paragraph)) for paragraph in paragraphs)
        lines = (NO_LETTERS.sub(" ", paragraph).strip() for paragraph in expanded)
        return "".join(f"{line}\n" for line in lines if line)


def to_ascii_letters(text: str) -> str:
    """Return lower case with straight apostrophes and no accents; other characters are kept."""
    text = text.translate(APOSTROPHES).lower().translate(LETTERS)
    decomposed = unicodedata.normalize("NFKD", text)
    return decomposed if decomposed.isascii() else re.sub(r"[\u0300-\u036f]", "", decomposed)


def expand_contractions(text: str) -> str:
    """Return lower-case English with its contractions spelled out: `don't` becomes `do not`."""
    text = WORD.sub(lambda match: WHOLE_WORDS[match[0]], text)
    text = IS.sub(r"\1 is", text)
    return ENDING.sub(lambda match: f" {ENDINGS[match[1]]}", text)


@dataclass
class Raw:
    """No cleaning: the text is unchanged."""

    joint: ClassVar[str] = ""

    def clean(self, text: str) -> str:
        return text
