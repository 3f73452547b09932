"""Removal of leftover HTML, wiki and Gutenberg markup in prose.

Every pattern stops at the next opening symbol, so the time is linear even for broken markup. Nested markup is
removed from the inside out, one level per call.
"""

from __future__ import annotations

import html
import re
from html.entities import html5

COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.S)
NOT_TEXT = re.compile(
    r"<(script|style|ref|math|gallery|timeline)\b[^<>]*(?:/>|>(?:(?!<\1\b).)*?</\1\s*>)", re.S | re.I
)
TAG_NAMES = (
    "a|abbr|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|head|hr|html|i|img|ins|kbd|li"
    "|link|meta|nowiki|ol|p|pre|q|s|section|small|span|strong|sub|sup|table|tbody|td|th|title|tr|tt|u|ul|var"
)
TAG = re.compile(rf"</?(?:{TAG_NAMES})(?:\s[^<>]*)?/?>", re.I)
BREAK_TAG = re.compile(r"<br\s*/?>", re.I)
ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,31});")

TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
NO_LABEL = re.compile(r"(?:file|image|category):", re.I)
EXTERNAL_LINK = re.compile(r"\[(?:https?|ftp)://[^\s\[\]]*([^\[\]]*)\]")
HEADING = re.compile(r"^={2,6}([^=\n]+)={2,6}[ \t]*$", re.M)
EMPHASIS = re.compile(r"(?<!['\w])('{2,3})(?=[^\s'])([^\n']*(?:'(?!')[^\n']*)*)(?<=\S)\1(?!['\w])")
TABLE_LINE = re.compile(r"^[ \t]*(?:\{\||\|[-}+]|[|!][^\n|]*\|\|).*$", re.M)
MAGIC_WORD = re.compile(r"\b__[A-Z]{3,}__\b")
LONE = re.compile(r"\[\[|\]\]|\{\{|\}\}")

ITALICS = re.compile(r"(?<!\w)_(?=[^\s_])([^_]{1,1000})(?<=\S)_(?!\w)")
REMARK = re.compile(r"\[(?:illustration|transcriber['\u2019]?s notes?|blank page)\b[^\[\]]*\]", re.I)
FOOTNOTE_MARK = re.compile(r"\[(?:\d{1,4}|\*+|[†‡§¶]|(?:note|nb|fn) \d{1,4}|edit|citation needed)\]", re.I)


def strip_markup(text: str) -> str:
    """Return text without tags, templates, tables, footnote marks and remarks, but with the text of links."""
    if "<" in text:
        text = NOT_TEXT.sub("", COMMENT.sub("", text))
        text = TAG.sub("", BREAK_TAG.sub("\n", text))
    if "&" in text:
        text = ENTITY.sub(_character, text)
    if "[" in text or "{" in text or "|" in text or "]" in text or "}" in text:
        text = FOOTNOTE_MARK.sub("", REMARK.sub("", text))
        text = EXTERNAL_LINK.sub(r"\1", LINK.sub(_label, TEMPLATE.sub("", text)))
        text = LONE.sub("", TABLE_LINE.sub("", text))
    if "_" in text:
        text = ITALICS.sub(r"\1", MAGIC_WORD.sub("", text))
    return HEADING.sub(r"\1", EMPHASIS.sub(r"\2", text))


def _character(match: re.Match[str]) -> str:
    """Return the character of an entity, whose ampersand may be escaped several times."""
    name = match[1]
    return html.unescape(f"&{name};") if name.startswith("#") else html5.get(f"{name};", match[0])


def _label(match: re.Match[str]) -> str:
    """Return the visible text of a wiki link."""
    return "" if NO_LABEL.match(match[1]) else match[1].rpartition("|")[2]
