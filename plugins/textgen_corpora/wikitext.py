"""MediaWiki markup to plain text, as far as prose needs it.

Templates and links nest, so they are resolved from the inside out. A part of a sentence that has no plain
text (a formula, a pronunciation) becomes `HOLE`, so that the caller can drop the bracket or the sentence
around it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

HOLE = "\ufffc"
"""U+FFFC OBJECT REPLACEMENT CHARACTER: the place of something that is not text."""

SYMBOLS = {
    "'s": "'s", "'": "'", "=": "=", "nbsp": " ", "spaces": " ", "ndash": "\u2013", "snd": " \u2013 ",
    "snds": " \u2013 ", "spaced ndash": " \u2013 ", "mdash": "—", "mdashb": "—",
}  # fmt: skip
"""Templates that mean a symbol."""

FIRST = {
    "nowrap", "small", "smaller", "big", "large", "sc", "quote", "nihongo", "sub", "val", "oldstyledate", "=",
}  # fmt: skip
"""Templates whose first argument is their text."""

LAST = {"lang", "transl", "resize"}
"""Templates whose last argument is their text."""

HOLES = (
    "ipa", "respell", "chem", "math", "music", "angbr", "vr", "sup", "frac", "sfrac", "e", "dentalformula",
)  # fmt: skip
"""Templates, or their names before a hyphen, whose result is not text."""

UNITS = {
    "mi": "miles", "km": "km", "ft": "feet", "in": "inches", "yd": "yards", "nmi": "nautical miles",
    "sqmi": "square miles", "km2": "square kilometres", "acre": "acres", "lb": "pounds", "lbs": "pounds",
    "lbf": "pounds of force", "mph": "miles per hour", "km/h": "km/h", "C": "°C", "F": "°F",
}  # fmt: skip
"""Units of the template `convert`; others are kept unchanged."""

COMMENT = re.compile(r"<!--.*?-->", re.S)
REFERENCE = re.compile(r"<ref\b[^<>]*/>|<ref\b[^<>]*>.*?</ref\s*>", re.S | re.I)
NOT_TEXT = re.compile(
    r"<(math|source|syntaxhighlight|gallery|timeline|code|pre|score|hiero)\b[^<>]*>.*?</\1\s*>", re.S | re.I
)
SUPERSCRIPT = re.compile(r"<sup\b[^<>]*>(.*?)</sup\s*>", re.S | re.I)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
EXTERNAL_LINK = re.compile(r"\[(?:https?:|ftp:|mailto:)?//[^\s\]]*\s*([^\]]*)\]")
NAMESPACE = re.compile(r"\s*:?\s*([A-Za-z-]+)\s*:\S")
EMPHASIS = re.compile(r"'{2,5}")


def plain_text(wikitext: str) -> str:
    """Return the text of a page without markup; headings, lists and line breaks are kept unchanged."""
    text = COMMENT.sub("", wikitext)
    text = REFERENCE.sub("", text)
    text = NOT_TEXT.sub(HOLE, text)
    text = SUPERSCRIPT.sub(lambda match: ("^" if match[1][:1].isdigit() else "") + match[1], text)
    text = EXTERNAL_LINK.sub(r"\1", text)
    text = _inside_out(LINK, _link_text, text)  # before templates, whose arguments end at a "|" as well
    text = _inside_out(TEMPLATE, _expand_template, text)
    text = _without_tables(text)
    text = TAG.sub("", text)
    text = EMPHASIS.sub("", text)
    return html.unescape(text)


def _inside_out(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> str:
    """Return text with innermost matches replaced until none is left; `replace` must not create matches."""
    num_replaced = 1
    while num_replaced:
        text, num_replaced = pattern.subn(replace, text)
    return text


def _expand_template(match: re.Match[str]) -> str:
    """Return the running text of a template, which is empty for citations and boxes."""
    name, *arguments = (part.strip() for part in match[1].split("|"))
    name = name.lower()
    texts = [argument for argument in arguments if not re.match(r"[\w-]+\s*=", argument)]
    if name in SYMBOLS and not texts:
        return SYMBOLS[name]
    if name in ("convert", "cvt"):
        return _measure(texts)
    if name == "as of":
        return f"{'as' if 'lc=y' in arguments else 'As'} of {' '.join(texts)}"
    if name in FIRST:
        return texts[0] if texts else HOLE
    if name in LAST or name.startswith("lang-"):
        return (texts[-1] if name in LAST else texts[0]) if texts else HOLE
    return HOLE if name in HOLES or name.startswith(("ipa", "respell")) else ""


def _measure(texts: list[str]) -> str:
    """Return the first value of a conversion: `5|km|mi` is "5 km", `3|to|5|ft` is "3 to 5 feet"."""
    if len(texts) >= 4 and texts[1] in ("-", "\u2013", "to", "and", "x", "by", "+/-"):
        joint = texts[1] if texts[1] in ("-", "\u2013") else f" {texts[1]} "
        return f"{texts[0]}{joint}{texts[2]} {UNITS.get(texts[3], texts[3])}"
    return f"{texts[0]} {UNITS.get(texts[1], texts[1])}" if len(texts) > 1 else HOLE


def _link_text(match: re.Match[str]) -> str:
    """Return the visible text of a link, which is empty for files, categories and other languages."""
    target, _, label = match[1].partition("|")
    namespace = NAMESPACE.match(target)
    if namespace and (
        namespace[1].lower() in ("file", "image", "category") or (namespace[1].islower() and not label)
    ):
        return ""
    return label.rpartition("|")[2] or target.lstrip(":")


def _without_tables(text: str) -> str:
    """Return text without the lines from each `{|` to the matching `|}`."""
    depth, lines = 0, []
    for line in text.split("\n"):
        mark = line.lstrip(" :*")
        if mark.startswith("{|"):
            depth += 1
        elif depth and mark.startswith("|}"):
            depth -= 1
        elif not depth:
            lines.append(line)
    return "\n".join(lines)
