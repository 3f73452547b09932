"""The text of EPUB books."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

from textgen.contracts import TextFile, TextgenError
from textgen.data.text_file import check_length, naming_damage
from textgen_readers.html import page_text


class Epub:
    """A book: its chapters in the order of reading, each as the page that it is; needs lxml."""

    suffixes = (".epub",)
    is_binary = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterator[str]]:  # noqa: ARG002 - it has none
        """Yield the book as one document."""
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
            raise TextgenError(f"{file.where} names no chapters; give a book with some")
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
