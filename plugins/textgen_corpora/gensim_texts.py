"""Texts in gensim's test data: prose of English Wikipedia, and news collected by Lee et al."""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree.ElementTree import iterparse

from textgen.contracts import TextgenError
from textgen_corpora.wikitext import plain_text

DUMP = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
REDIRECT = re.compile(r"\s*#redirect", re.I)
HEADING = re.compile(r"(={2,6})\s*(.*?)\s*\1\s*$")
APPENDICES = {
    "bibliography", "citations", "external links", "footnotes", "further reading", "notes",
    "notes and references", "publications", "references", "see also", "sources", "works cited",
}  # fmt: skip
NOT_PROSE = tuple("*#:;|!{}=<_ \t")
"""First characters of the lines of lists, tables, boxes and preformatted text."""

BRACKETS = (re.compile(r" ?\(([^()]*)\)"), re.compile(r" ?\(((?:[^()]|\([^()]*\))*)\)"))
"""Innermost round brackets; outermost ones, which may hold others."""
FOREIGN = re.compile("[^ -~À-ÖØ-öø-ÿ\u2010-\u201d\u2026\u2212°£€½]")
"""Characters that English prose lacks: holes, phonetic letters, other scripts, letters beyond Latin-1.

Without the sentences that contain them the text is 1.5 % shorter, and its alphabet has 131 symbols, not 442.
"""

SENTENCE_GAP = re.compile(
    r"(?:(?<=[^A-Z][.!?])|(?<=[.!?][\"\u201d\u2019)]))(?<!\b(?:Dr|Mr|St)\.)(?<!\bc\.)"
    r" (?=[\"\u201c\u2018(]?[A-Z0-9])"
)
"""The space between two sentences, but not that after an initial or an abbreviation."""

OPENING = "\"\u201c'\u2018(0123456789"
SENTENCE_END = re.compile(r"[.!?][\"'\u201d\u2019)]*$")
LEFTOVER = re.compile(r"\[\[|\]\]|\{\||\{\{|\}\}|\||==|https?://|www\.|&\w+;|<\w")


@dataclass
class Wiki:
    """About a hundred articles of English Wikipedia (2016), paragraphs of prose only.

    They come with gensim's test data, so nothing is downloaded. `wiki/Anarchism` is a single article.
    Licence: CC BY-SA 3.0, by the contributors to Wikipedia, named in the history of each article there.
    """

    def items(self) -> list[str]:
        return list(articles())

    def read(self, item: str) -> str | list[str]:
        """Return all articles, or the one titled `item`: paragraphs with blank lines between.

        Raises `TextgenError` if no article has that title.
        """
        prose = articles()
        if not item:
            return list(prose.values())
        if item not in prose:
            raise TextgenError(f"unknown wiki article {item!r}; textgen corpus wiki/ lists them all")
        return prose[item]


@cache
def articles() -> dict[str, str]:
    """Return the prose of each article that contains prose, by its title; the dump is read once."""
    path, found = gensim_file(DUMP, "wiki"), {}
    with bz2.open(path) as dump:
        for _, page in iterparse(dump):
            if page.tag.endswith("}page"):
                wikitext = page.findtext("{*}revision/{*}text", "")
                if page.findtext("{*}ns") == "0" and not REDIRECT.match(wikitext):
                    prose = "\n\n".join(_paragraphs(plain_text(wikitext)))
                    if prose:
                        found[page.findtext("{*}title", "")] = prose
                page.clear()
    return found


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of prose outside the appendices (references, links, …)."""
    appendix_level = 0  # level of the heading of the current appendix, or 0
    lines: list[str] = []  # lines of the current paragraph
    for line in [*text.split("\n"), ""]:
        heading = HEADING.match(line)
        if heading and (not appendix_level or len(heading[1]) <= appendix_level):
            appendix_level = len(heading[1]) if heading[2].lower() in APPENDICES else 0
        if line and not appendix_level and not line.startswith(NOT_PROSE):
            lines.append(line)
        elif lines:
            paragraph = tidy(" ".join(lines))
            lines.clear()
            if is_prose(paragraph):
                yield paragraph


def tidy(line: str) -> str:
    """Return a paragraph without its foreign sentences and parts of brackets, and without gaps."""
    for bracket in BRACKETS:
        line = bracket.sub(_readable_bracket, line)
    line = re.sub(r"\s+", " ", line)
    line = re.sub(r" (?=[,;:.!?)](?:\s|$))", "", line)
    line = re.sub(r"[,;:]+(?=[,;:.])(?!\.\.)", "", line)
    line = re.sub(r"(?<=[a-z]{2}\.)(?=[A-Z][a-z])", " ", line)
    sentences = SENTENCE_GAP.split(line.strip())
    return " ".join(sentence for sentence in sentences if not FOREIGN.search(sentence))


def _readable_bracket(match: re.Match[str]) -> str:
    """Return a bracket with only those parts, separated by semicolons, that are readable English."""
    parts = [part.strip(" ,") for part in match[1].split(";")]
    readable = [part for part in parts if any(map(str.isalnum, part)) and not FOREIGN.search(part)]
    if len(readable) == len(parts):
        return match[0]
    return f" ({'; '.join(readable)})" if readable else ""


def is_prose(paragraph: str) -> bool:
    """Return whether a line is a paragraph of complete English sentences."""
    num_words = paragraph.count(" ") + 1
    num_letters = sum(map(str.isalpha, paragraph))
    return (
        num_words >= 12
        and num_letters >= 0.7 * len(paragraph)
        and (paragraph[0].isupper() or paragraph[0] in OPENING)
        and SENTENCE_END.search(paragraph) is not None
        and not LEFTOVER.search(paragraph)
    )


@dataclass
class Lee:
    """300 news items of the Australian Broadcasting Corporation, 2001; 0.36 M characters.

    Source: the background corpus of Lee, Pincombe and Welsh, "An empirical evaluation of models of text
    document similarity" (2005), from gensim's test data. Licence: none stated; collected for research.
    """

    def read(self, item: str) -> list[str]:
        """Return all items. Raises `TextgenError` if `item` is not empty."""
        if item:
            raise TextgenError(f"the corpus lee has no item {item!r}; write lee")
        lines = gensim_file("lee_background.cor", "lee").read_text(encoding="utf-8").splitlines()
        return [line.strip() for line in lines if line.strip()]


def gensim_file(name: str, corpus: str) -> Path:
    """Return a file of gensim's test data; raises `TextgenError` if gensim is not installed."""
    gensim = find_spec("gensim")
    if gensim is None or gensim.origin is None:
        raise TextgenError(
            f"the corpus {corpus} is part of gensim, which needs Python 3.13 or older; run: "
            'pip install "textgen-bench[vectors]", or give --corpus a file, tinyshakespeare or stdlib'
        )
    return Path(gensim.origin).parent / "test" / "test_data" / name
