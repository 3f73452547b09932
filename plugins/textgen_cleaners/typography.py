"""Repair of characters: mojibake, invisible ones, quotation marks and dashes."""

from __future__ import annotations

import re
import unicodedata

import ftfy

REPAIR_ONLY = ftfy.TextFixerConfig(
    unescape_html=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)
"""ftfy without the work of the other steps."""

LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")

COMPATIBLE = {
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)},  # ligatures
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
}
"""Replacements of the compatibility characters that are mere typesetting.

They complement NFC; NFKC would also turn 10² into 102.
"""

INVISIBLE = ("Cc", "Cf", "Co", "Cs")
"""Controls, format characters (zero-width, soft hyphen, text direction), private use, lone surrogates."""

QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'"),  # single quotation marks
        **dict.fromkeys("\u02b9\u02bc\u2032", "'"),  # modifier prime and apostrophe, prime
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u301d\u301e\u2033", '"'),  # double ones
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),  # hyphens, figure dash, en dash, minus
        **dict.fromkeys("\u2014\u2015", "--"),  # em dash, horizontal bar
        "\u2026": "...",
    }
)
EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Hiragana, katakana and Chinese characters."""
MIN_EAST_ASIAN = 0.25
"""Share of such characters in Chinese or Japanese prose, which may mention English names."""

FRENCH_QUOTES = re.compile(r"(?<!\w)« ([^«»\n]+) »(?!\w)")
"""Quotation marks with spaces inside, in contrast to the German »…«."""
TEX_QUOTES = re.compile(r"``([^`]*?)''")
DOUBLED_QUOTES = re.compile("``|\u2018\u2018|\u2019\u2019|\u201a\u201a")


def is_east_asian(text: str) -> bool:
    """Return whether a text is Chinese or Japanese, by the share of its characters."""
    return EAST_ASIAN.search(text) is not None and (
        len(EAST_ASIAN.findall(text)) >= MIN_EAST_ASIAN * len(text)
    )


def repair(text: str) -> str:
    """Return text without mojibake, such as `cafÃ©` for `café` (R. Speer, ftfy)."""
    if text.isascii() and "\x1b" not in text:
        return text
    lines = text.split("\n")  # without its newline, which ftfy would take as a sign of mojibake
    return "\n".join(ftfy.fix_text(line, REPAIR_ONLY) for line in lines)


def unify_line_breaks(text: str) -> str:
    """Return text in which every line ends with a newline."""
    return LINE_BREAK.sub("\n", text)


def normalise_unicode(text: str) -> str:
    """Return text with composed characters (NFC), plain spaces and no invisible characters.

    Chinese and Japanese prose keeps its full-width punctuation.
    """
    text = unify_line_breaks(text)
    table = {ord(char): _visible(char) for char in set(text) if not " " <= char <= "~"}
    if table and is_east_asian(text):
        table |= {code: chr(code) for code in table if 0xFF01 <= code < 0xFF5F and not chr(code).isalnum()}
    text = text.translate(table) if table else text
    return unicodedata.normalize("NFC", text)


def _visible(char: str) -> str | None:
    """Return the replacement of a character in cleaned text, or None to remove it."""
    category = unicodedata.category(char)
    if char in "\t\n":
        return char
    if category == "Zs":
        return " "
    if category in INVISIBLE or "\ufe00" <= char <= "\ufe0f" or char in "\ufffc\ufffd":
        return None
    return COMPATIBLE.get(ord(char), char)


def straighten_quotes(text: str) -> str:
    """Return text with ASCII quotation marks, dashes (an em dash becomes two hyphens) and ellipses.

    Chinese and Japanese prose keeps its own.
    """
    if is_east_asian(text):
        return text
    text = FRENCH_QUOTES.sub(r'"\1"', text) if "«" in text else text
    text = TEX_QUOTES.sub(r'"\1"', text)
    text = DOUBLED_QUOTES.sub('"', text)
    return text if text.isascii() else text.translate(QUOTES)
