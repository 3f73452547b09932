"""The readers of plugins by the suffixes of the files that they read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from textgen.contracts import Reader, TextFile, TextgenError, TextgenWarning
from textgen.data.readers.text_file import Document
from textgen.registry.attribution import describe_error
from textgen.registry.registry import Plugin, PluginError, plugins

SUFFIX = re.compile(r"\.[a-z0-9_+-]+")
BLANK: Document = ()
"""A record without text, which is counted and left out."""


@dataclass(frozen=True)
class BoundReader:
    """A reader, whose errors name it and the file, and whose documents consist of strings."""

    plugin: Plugin
    reader: Reader
    has_fields: bool
    is_binary: bool

    def documents(self, file: TextFile, field: str) -> Iterator[Document]:
        """Yield the documents of a file; raises `TextgenError` if it cannot be read."""
        with self._named(file):
            for document in self.reader.documents(file, field):
                yield BLANK if document == BLANK else self._pieces(document, file)

    def _pieces(self, document: Document, file: TextFile) -> Iterator[str]:
        with self._named(file):
            for piece in (document,) if isinstance(document, str) else document:
                if not isinstance(piece, str):
                    raise PluginError(f"{self.plugin} yielded {type(piece).__name__} instead of text")
                yield piece

    @contextmanager
    def _named(self, file: TextFile) -> Iterator[None]:
        try:
            yield
        except (TextgenError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"cannot read {file.where}: {describe_error(error)}") from error


def readers() -> Mapping[str, tuple[BoundReader, ...]]:
    """Return the readers that claim each suffix; a warning tells of plugins that cannot be loaded."""
    installed = plugins("reader")
    if not _loaded or _loaded[0][0] is not installed:  # which is another tuple once plugins may have changed
        _loaded[:] = [(installed, _by_suffix(installed))]
    return _loaded[0][1]


def reader_of(suffix: str) -> BoundReader | None:
    """Return the reader of a suffix, or None for plain text; raises `PluginError` if several claim it."""
    claims = readers().get(suffix, ())
    if len(claims) > 1:
        names = " and ".join(str(claim.plugin) for claim in claims)
        raise PluginError(f"files {suffix} are read by {names}; uninstall or leave out one of them")
    return claims[0] if claims else None


def identities() -> list[str]:
    """Return the identities of the code of all readers, on which the text of a file depends."""
    used = {claim.plugin for claims in readers().values() for claim in claims}
    found = set()
    for plugin in used:
        with suppress(PluginError):  # two of one name, which are refused where they are needed
            found.add(f"{plugin.name} {plugin.identity()}")
    return sorted(found)


_loaded: list[tuple[tuple[Plugin, ...], dict[str, tuple[BoundReader, ...]]]] = []
"""The plugins that were found last, and the readers in them."""


def _by_suffix(installed: tuple[Plugin, ...]) -> dict[str, tuple[BoundReader, ...]]:
    found: dict[str, tuple[BoundReader, ...]] = {}
    for plugin in installed:
        try:
            reader = plugin.load()()
            has_fields = bool(getattr(reader, "has_fields", False))
            bound = BoundReader(plugin, reader, has_fields, bool(getattr(reader, "is_binary", False)))
            suffixes = _suffixes(plugin, reader)
        except (Exception, SystemExit) as error:
            warnings.warn(f"{describe_error(error)}; its files are not read", TextgenWarning, stacklevel=4)
            continue
        for suffix in suffixes:
            found[suffix] = (*found.get(suffix, ()), bound)
    return found


def _suffixes(plugin: Plugin, reader: Reader) -> list[str]:
    suffixes = getattr(reader, "suffixes", None)
    if isinstance(suffixes, (tuple, list)) and suffixes:
        wrong = [each for each in suffixes if not (isinstance(each, str) and SUFFIX.fullmatch(each))]
        if not wrong:
            return list(suffixes)
        raise PluginError(f"{plugin} has the suffix {wrong[0]!r}; write it in lower case after its dot")
    raise PluginError(f"{plugin} has the suffixes {suffixes!r}; give a tuple of some, such as ('.html',)")
