"""The text of HTML pages, and of EPUB books, whose chapters are pages."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

from textgen.contracts import TextFile, TextgenError
from textgen.data.text_file import check_length, missing_library, naming_damage

LEFT_OUT = {"script", "style", "template", "title"}
"""Elements without text of the page."""
LINES = "br dd dt li option tr"
"""Elements that begin a line."""
CELLS = "td th"
"""Elements after a space."""
PARAGRAPHS = (
    "address article aside blockquote body details dialog div dl fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr main nav ol p pre section summary table ul"
)
"""Elements that are paragraphs, or contain some."""
SPACE, PARAGRAPH = 1, 3
GAPS = ("", " ", "\n", "\n\n")
"""What may be between two words; the widest that is asked for is taken."""
WIDTHS = {tag: width for width, tags in enumerate(("", CELLS, LINES, PARAGRAPHS)) for tag in tags.split()}
"""Place in `GAPS` of that before an element; a paragraph has one after it, too."""
SPACES = re.compile("[ \t\n\r\f]+")
CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
HEAD_BYTES = 4096
"""Beginning of a page in which its encoding is declared."""


class Html:
    """A page without scripts and styles, with a blank line between paragraphs; needs lxml."""

    suffixes = (".html", ".htm", ".xhtml")

    def documents(self, file: TextFile, field: str) -> Iterator[Iterator[str]]:  # noqa: ARG002 - it has none
        yield page_text(file)


def page_text(file: TextFile) -> Iterator[str]:
    """Yield the text of a page.

    lxml tells of elements as it meets them, without a tree: its time is linear where tags do not end, too.
    Python's own parser is quadratic there, selectolax and html5lib where many elements are open.
    """
    try:
        from lxml.etree import HTMLParser, XMLSyntaxError
    except ImportError:
        raise missing_library(file.where, "lxml") from None
    page = _Page()
    parser = HTMLParser(target=page, encoding="utf-8", huge_tree=True)
    with naming_damage(file.where):
        num_chars = 0
        for piece in _declared(file).pieces():
            check_length(num_chars := num_chars + len(piece), file.where)
            parser.feed(piece.encode("utf-8", "replace"))
            yield page.taken()
        with suppress(XMLSyntaxError):  # there is no element
            parser.close()
        yield page.taken()


def _declared(file: TextFile) -> TextFile:
    """Return a page in the encoding that it declares; browsers take Latin-1 for Windows-1252."""
    head = next(file.chunks(), b"")[:HEAD_BYTES]
    if match := CHARSET.search(head):
        with suppress(LookupError):
            name = codecs.lookup(match[1].decode("ascii")).name
            return file.declared("cp1252" if name == "iso8859-1" else name)
    return file


class _Page:
    """The text of a page, which is taken piece by piece: what lxml tells of its elements."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = 0  # between what is written and what follows
        self._has_text = False
        self._num_left_out = 0
        self._num_pre = 0

    def taken(self) -> str:
        """Return the text since the last call."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        """Begin a line or a paragraph, or what is left out."""
        self._num_left_out += tag in LEFT_OUT
        self._num_pre += tag == "pre"
        self._gap = max(self._gap, WIDTHS.get(tag, 0))

    def end(self, tag: str) -> None:
        """End a paragraph, or what is left out."""
        self._num_left_out -= tag in LEFT_OUT
        self._num_pre -= tag == "pre"
        if WIDTHS.get(tag) == PARAGRAPH:
            self._gap = PARAGRAPH

    def data(self, data: str) -> None:
        """Keep text; outside listings, white space is one space."""
        if self._num_left_out:
            return
        if self._num_pre:
            self._write(data)
            return
        text = SPACES.sub(" ", data)
        if text.startswith(" "):
            self._gap = max(self._gap, SPACE)
        if words := text.strip(" "):
            self._write(words)
            self._gap = SPACE if text.endswith(" ") else 0

    def close(self) -> None:
        """End the page, as lxml asks."""

    def _write(self, text: str) -> None:
        self._parts += (GAPS[self._gap] if self._has_text else "", text)
        self._gap, self._has_text = 0, True


class Epub:
    """A book: its chapters in the order of reading, each as the page that it is; needs lxml."""

    suffixes = (".epub",)

    def documents(self, file: TextFile, field: str) -> Iterator[Iterator[str]]:  # noqa: ARG002 - it has none
        yield _book(file)


def _book(file: TextFile) -> Iterator[str]:
    with naming_damage(file.where), file.seekable() as stream, ZipFile(stream) as archive:
        container = _tree(archive, "META-INF/container.xml", file)
        package = next(each.attrib["full-path"] for each in container.iter() if _is(each, "rootfile"))
        book = _tree(archive, package, file)
        pages = {each.attrib["id"]: each.attrib["href"] for each in book.iter() if _is(each, "item")}
        folder, order = posixpath.dirname(package), dict[str, None]()  # a chapter is read once
        for each in book.iter():
            if _is(each, "itemref"):
                order[posixpath.normpath(posixpath.join(folder, unquote(pages[each.attrib["idref"]])))] = None
        if not order:
            raise TextgenError(f"{file.where} lists no chapters; give a book that does")
        for index, name in enumerate(order):
            if index:
                yield "\n\n"
            yield from page_text(file.member(name, partial(archive.open, name)))


def _tree(archive: ZipFile, name: str, file: TextFile) -> ElementTree.Element:
    """Return a small XML file of a book; its parser limits how much entities expand to."""
    check_length(archive.getinfo(name).file_size, f"{file.where}/{name}")
    return ElementTree.fromstring(archive.read(name))


def _is(element: ElementTree.Element, tag: str) -> bool:
    return element.tag.rpartition("}")[2] == tag
