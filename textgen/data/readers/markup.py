"""The text of HTML pages and of EPUB books."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

from textgen.contracts import TextgenError
from textgen.data.readers.text_file import (
    MAX_RECORD_CHARS,
    Document,
    TextFile,
    check_length,
    naming_damage,
)
from textgen.data.readers.unpacking import check_archive
from textgen.defaults import ENCODING

LEFT_OUT = {"script", "style", "template", "title"}
"""Elements without text of the page."""
LINES = {"br", "dd", "dt", "li", "option", "tr"}
"""Elements that begin a line."""
CELLS = {"td", "th"}
PARAGRAPHS = re.compile(
    "address|article|aside|blockquote|body|details|dialog|div|dl|fieldset|figcaption|figure|footer|form|h[1-6]|"
    "header|hgroup|hr|main|nav|ol|p|pre|section|summary|table|ul"
)
"""Elements that are paragraphs, or contain some."""
SPACES = re.compile("[ \t\n\r\f]+")
CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
HEAD_BYTES = 4096
"""Beginning of a page in which its encoding is declared."""


def read_html(file: TextFile, field: str) -> Iterator[Document]:  # noqa: ARG001 - a page has no fields
    """Yield a page as one document: its text without scripts and styles, with a blank line per paragraph."""
    yield _page(file)


def read_epub(file: TextFile, field: str) -> Iterator[Document]:  # noqa: ARG001 - a book has no fields
    """Yield a book as one document: the text of its chapters in the order of reading."""
    yield _book(file)


def _page(file: TextFile) -> Iterator[str]:
    parser = _PageParser()
    for piece in _declared(file).pieces():
        with naming_damage(file.where):
            parser.feed(piece)
        check_length(parser.rawdata, file.where)
        yield parser.taken()
    with naming_damage(file.where):
        parser.close()
    yield parser.taken()


def _declared(file: TextFile) -> TextFile:
    """Return a page in the encoding that it declares; browsers take Latin-1 for Windows-1252."""
    head = next(file.chunks(), b"")[:HEAD_BYTES]
    if file.encoding == ENCODING and (match := CHARSET.search(head)):
        with suppress(LookupError):
            name = codecs.lookup(match[1].decode("ascii")).name
            return replace(file, encoding="cp1252" if name == "iso8859-1" else name)
    return file


def _book(file: TextFile) -> Iterator[str]:
    with naming_damage(file.where), file.seekable() as stream, ZipFile(stream) as archive:
        check_archive(archive, file.where, stream.seek(0, 2))
        container = _tree(archive, "META-INF/container.xml")
        package = next(each.attrib["full-path"] for each in container.iter() if _is(each, "rootfile"))
        book = _tree(archive, package)
        pages = {each.attrib["id"]: each.attrib["href"] for each in book.iter() if _is(each, "item")}
        order = [each.attrib["idref"] for each in book.iter() if _is(each, "itemref")]
        if not order:
            raise TextgenError(f"{file.where} names no chapters; give a book with some")
        for index, chapter in enumerate(order):
            name = posixpath.join(posixpath.dirname(package), unquote(pages[chapter]))
            if index:
                yield "\n\n"
            yield from _page(TextFile(f"{file.where}/{name}", name, partial(archive.open, name)))


def _tree(archive: ZipFile, name: str) -> ElementTree.Element:
    """Return a small XML file of a book; its parser limits how much entities expand to."""
    if archive.getinfo(name).file_size > MAX_RECORD_CHARS:
        raise ValueError(f"{name} is too large")
    return ElementTree.fromstring(archive.read(name))


def _is(element: ElementTree.Element, tag: str) -> bool:
    return element.tag.rpartition("}")[2] == tag


def _gap(tag: str) -> str:
    return "\n\n" if PARAGRAPHS.fullmatch(tag) else ""


class _PageParser(HTMLParser):
    """The text of a page, which is taken piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._gap: str | None = None  # between what is written and what follows; None before any text
        self._num_left_out = 0
        self._num_pre = 0

    def taken(self) -> str:
        """Return the text since the last call."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Begin a line or a paragraph, or what is left out."""
        self._num_left_out += tag in LEFT_OUT
        self._num_pre += tag == "pre"
        self._widen(_gap(tag) or "\n" * (tag in LINES) or " " * (tag in CELLS))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Handle an empty element, which lacks an end tag."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """End a paragraph, or what is left out."""
        self._num_left_out = max(0, self._num_left_out - (tag in LEFT_OUT))
        self._num_pre = max(0, self._num_pre - (tag == "pre"))
        self._widen(_gap(tag))

    def handle_data(self, data: str) -> None:
        """Keep text; outside listings, white space is one space."""
        if self._num_left_out:
            return
        if self._num_pre:
            self._write(data)
            return
        text = SPACES.sub(" ", data)
        if text.startswith(" "):
            self._widen(" ")
        if words := text.strip(" "):
            self._write(words)
            self._widen(" " if text.endswith(" ") else "")

    def _write(self, text: str) -> None:
        self._parts += (self._gap or "", text)
        self._gap = ""

    def _widen(self, gap: str) -> None:
        if self._gap is not None:
            self._gap = max(self._gap, gap, key=lambda each: (each.count("\n"), len(each)))
