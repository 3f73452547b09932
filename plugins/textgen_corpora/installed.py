"""Texts that other packages install: Debian's handbook, and Python's standard library."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import compress
from operator import and_
from pathlib import Path
from typing import Annotated, NamedTuple

from annotated_types import doc

from textgen.contracts import TextgenError
from textgen.runtime.messages import unknown

HANDBOOK = "debian-handbook"
SOURCE = "en-US"
"""The language of the original, and of paragraphs that nobody has translated."""
FIRST_PAGE = "index.html"
MAX_PAGES = 1000

NOT_PROSE = {"pre", "table", "script", "style"}
"""Elements that are left out."""
NOT_PROSE_CLASSES = {"docnav", "legalnotice", "table", "title", "titlepage", "toc", "url"}
"""Classes of elements that are left out: navigation, tables, titles, and addresses on a line of their own."""
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta"}
"""Elements without an end."""


@dataclass
class Handbook:
    """The Debian Administrator's Handbook, one language per item, such as `handbook/de`.

    R. Hertzog and R. Mas, 2022, for Debian 11, with the translations of its community. The paragraphs are
    those of the HTML in the Debian package `debian-handbook`, in the order of the chapters, without titles,
    listings, tables and addresses. A paragraph that but for its links is the same in the English book is not
    translated and is left out, so that some languages have much less text than others. Licence: GPL 2 or
    later, or CC BY-SA 3.0.
    """

    parallel: Annotated[str, doc("Keep only what is translated into all of these, such as de+ru.")] = ""

    def items(self) -> list[str]:
        """Return the languages that are installed; of those with several regions each, as `zh-CN`."""
        return sorted(_locales())

    def language(self, item: str) -> str:
        """Return the language of an item with its region, such as `de-DE`."""
        return _folder(item).name

    def read(self, item: str) -> str:
        """Return the paragraphs of a language with blank lines between.

        Raises `TextgenError` for an unknown language, and if the package is not installed.
        """
        folder = _folder(item)
        original = {paragraph.own_text for paragraph in _paragraphs(folder.with_name(SOURCE))}
        paragraphs = list(_paragraphs(folder))
        is_kept = _is_translated(folder, paragraphs, original)
        for other in map(_folder, filter(None, self.parallel.split("+"))):
            others = list(_paragraphs(other))
            if len(others) != len(paragraphs):
                raise TextgenError(
                    f"the handbook has different paragraphs in {other.name} and {folder.name}; "
                    "leave out parallel"
                )
            is_kept = list(map(and_, is_kept, _is_translated(other, others, original)))
        return "\n\n".join(paragraph.text for paragraph in compress(paragraphs, is_kept))


def _locales() -> dict[str, Path]:
    """Return the folder of each language by its short name; none if the package is not installed."""
    places = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    roots = (Path(place, "doc", HANDBOOK, "html") for place in places if place)
    root = next(filter(Path.is_dir, roots), None)
    folders = sorted(page.parent for page in root.glob(f"*/{FIRST_PAGE}")) if root else []
    languages = [folder.name.partition("-")[0] for folder in folders]
    return {
        language if languages.count(language) == 1 else folder.name: folder
        for language, folder in zip(languages, folders, strict=True)
    }


def _folder(item: str) -> Path:
    """Return the folder of an item; its region may be given, too."""
    locales = _locales()
    if not locales:
        raise TextgenError(f"the Debian handbook is not installed; run: apt-get install {HANDBOOK}")
    folders = locales | {folder.name: folder for folder in locales.values()}
    if item not in folders:
        raise TextgenError(unknown("language of the handbook", item, sorted(locales)))
    return folders[item]


class _Paragraph(NamedTuple):
    text: str
    own_text: str
    """Without links, whose text is the title of a chapter, which may be translated where nothing else is."""


def _paragraphs(folder: Path) -> Iterator[_Paragraph]:
    """Yield the paragraphs of all pages in order; each page names the next one."""
    page, seen = FIRST_PAGE, set[str]()
    while page and page not in seen and len(seen) < MAX_PAGES:
        seen.add(page)
        parser = _PageParser()
        try:
            parser.feed((folder / page).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise TextgenError(f"cannot read the handbook's page {folder / page}: {error}") from None
        parser.close()
        yield from parser.paragraphs
        page = Path(parser.next_page).name  # of the same folder


def _is_translated(folder: Path, paragraphs: Sequence[_Paragraph], original: Collection[str]) -> list[bool]:
    return [folder.name == SOURCE or paragraph.own_text not in original for paragraph in paragraphs]


class _PageParser(HTMLParser):
    """The paragraphs of a page, and the name of the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.paragraphs: list[_Paragraph] = []
        self.next_page = ""
        self._open: list[tuple[str, str]] = []  # each element that is open: its tag, and what it is
        self._text: list[str] = []
        self._own_text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a paragraph, or what is left out."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "link" and attributes.get("rel") == "next":
            self.next_page = attributes.get("href", "")
        if tag in VOID:
            self._text.append(" ")
            return
        classes = set(attributes.get("class", "").split())
        is_left_out = tag in NOT_PROSE or classes & NOT_PROSE_CLASSES
        kind = "left out" if is_left_out else "paragraph" if "para" in classes else ""
        if kind == "paragraph":
            self._end_paragraph()
        self._open.append((tag, kind))

    def handle_endtag(self, tag: str) -> None:
        """End the innermost element with this tag, and those within it."""
        if tag not in (open_tag for open_tag, _ in self._open):
            return
        while self._open:
            ended, kind = self._open.pop()
            if kind == "paragraph":
                self._end_paragraph()
            if ended == tag:
                return

    def handle_data(self, data: str) -> None:
        """Keep text within a paragraph."""
        kinds = {kind for _, kind in self._open}
        if "paragraph" in kinds and "left out" not in kinds:
            self._text.append(data)
            self._own_text.append(data if "a" not in (tag for tag, _ in self._open) else "")

    def _end_paragraph(self) -> None:
        text, own_text = (" ".join("".join(parts).split()) for parts in (self._text, self._own_text))
        self._text.clear()
        self._own_text.clear()
        if text:
            self.paragraphs.append(_Paragraph(text, own_text))


@dataclass
class StandardLibrary:
    """The modules of Python's standard library by their names: 4.7 M characters in 3.11.

    Packages are left out, which are tests in part. Other versions of Python have another text; every result
    gives its hash.
    """

    def read(self, item: str) -> list[str]:
        """Return the source of all modules, each after a line with its name."""
        if item:
            raise TextgenError(f"the corpus 'stdlib' has no item {item!r}; leave it out")
        folder = Path(sysconfig.get_path("stdlib"))
        files = sorted(folder.glob("*.py"))
        if not files:
            raise TextgenError(f"no modules in {folder}: this Python stores them elsewhere")
        return [f"# {path.name}\n{path.read_text('utf-8')}" for path in files]
