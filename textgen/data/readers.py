"""Files with texts by their suffix: packed ones, the readers of plugins, and the documents in each."""

from __future__ import annotations

import gzip
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast
from zipfile import ZipFile

from textgen.contracts import NoSuchFieldError, Reader, TextFile, TextgenError, TextgenWarning
from textgen.data.text_file import (
    MAX_RECORDS,
    Document,
    SourceFile,
    check_size,
    missing_library,
    naming_damage,
)
from textgen.registry.registry import Plugin, PluginError, describe_error, plugins
from textgen.runtime.storage.files import open_plain

FIELD = "text"
"""The field that is read unless another is named."""
PLAIN = re.compile(r"\.(txt|md|markdown|rst|tex|log|pyi?|[ch]|cc|[ch]pp|cs|go|java|js|ts|rs|rb|sh|sql)")
"""Suffixes of plain text in folders and archives; a file that is named itself may have any."""


def is_known(name: str) -> bool:
    """Return whether a file in a folder or an archive is read; hidden ones are not."""
    path = PurePosixPath(name)
    suffix = _suffix(path.name)
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not is_hidden and (suffix in readers() or PLAIN.fullmatch(suffix) is not None)


def has_fields(name: str) -> bool:
    """Return whether a file has fields, or may contain files that have."""
    return _suffix(name) in {*suffixes_with_fields(), ZIP}


def suffixes_with_fields() -> list[str]:
    """Return the suffixes of formats in which a field of each record is a document."""
    return sorted(suffix for suffix, claims in readers().items() if any(each.has_fields for each in claims))


def files_of(folder: Path) -> list[Path]:
    """Return the files with texts in a folder and the folders in it, in the order of their paths.

    Hidden ones are left out, and links to folders are not followed.
    """
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        zipped = (name for name in names if _suffix(name) == ZIP and not name.startswith("."))
        found += [Path(where, name) for name in (*filter(is_known, names), *zipped)]
    return sorted(path for path in found if path.is_file())


def documents_of(
    path: Path, field: str | None, encoding: str, *, is_alone: bool = True
) -> Iterator[Document]:
    """Yield the documents of a file, unpacked if need be; `field` is that of tables, if one is named.

    Without a name, tables among other files, as of scores next to texts, are left out if they lack `FIELD`,
    with a warning. Raises `TextgenError` if the file cannot be read, is damaged, or has too many bytes or
    records.
    """
    leaves_out = field is None and (not is_alone or _suffix(path.name) == ZIP)
    with unpacked(path, encoding, is_known) as files:
        for file in files:
            reader = reader_of(_suffix(file.name))
            documents = iter([file.pieces()]) if reader is None else reader.documents(file, field or FIELD)
            documents = _unless_fieldless(documents) if leaves_out else documents
            for number, document in enumerate(documents, 1):
                if number > MAX_RECORDS:
                    raise TextgenError(f"{file.where} has more than {MAX_RECORDS:,} records; split it")
                if document != BLANK:
                    yield document


def _unless_fieldless(documents: Iterator[Document]) -> Iterator[Document]:
    """Yield documents; none of a table whose first record lacks the field."""
    try:
        first = next(documents, None)
    except NoSuchFieldError as error:
        warnings.warn(f"skipped: {error}", TextgenWarning, stacklevel=2)
        return
    if first is not None:
        yield first
        yield from documents


def _suffix(name: str) -> str:
    """Return the suffix of a file below that of its compression, such as `.jsonl` of `a.jsonl.gz`."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix


SUFFIX = re.compile(r"\.[a-z0-9_+-]+")
BLANK: Document = ()
"""A record without text, which is left out."""


@dataclass(frozen=True)
class BoundReader:
    """A reader, whose errors name it and the file, and whose documents consist of strings."""

    plugin: Plugin
    reader: Reader
    has_fields: bool

    def documents(self, file: TextFile, field: str) -> Iterator[Document]:
        """Yield the documents of a file; raises `TextgenError` if it cannot be read."""
        with self._named(file):
            documents = self.reader.documents(file, field)
            if isinstance(documents, str) or not isinstance(documents, Iterable):
                kind = type(documents).__name__
                raise PluginError(f"{self.plugin}: documents() returned {kind}; return or yield documents")
            for document in documents:
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


_loaded: list[tuple[tuple[Plugin, ...], dict[str, tuple[BoundReader, ...]]]] = []
"""The plugins that were found last, and the readers in them."""


def reader_of(suffix: str) -> BoundReader | None:
    """Return the reader of a suffix, or None for plain text; raises `PluginError` if several claim it."""
    claims = readers().get(suffix, ())
    if len(claims) > 1:
        names = " and ".join(str(claim.plugin) for claim in claims)
        raise PluginError(f"{suffix} files are claimed by {names}; uninstall or leave out one of them")
    return claims[0] if claims else None


def identities() -> list[str]:
    """Return the identities of the code of all readers, on which the text of a file depends."""
    used = {claim.plugin for claims in readers().values() for claim in claims}
    return sorted(f"{plugin.name} {plugin.identity()}" for plugin in used)


def _by_suffix(installed: tuple[Plugin, ...]) -> dict[str, tuple[BoundReader, ...]]:
    found: dict[str, tuple[BoundReader, ...]] = {}
    for plugin in installed:
        try:
            reader = plugin.load()()
            suffixes = getattr(reader, "suffixes", ())
            if not suffixes or not all(map(SUFFIX.fullmatch, suffixes)):
                raise PluginError(f"{plugin} has the suffixes {suffixes!r}; declare some, as in ('.html',)")
        except (Exception, SystemExit) as error:
            warnings.warn(f"{describe_error(error)}; its files are not read", TextgenWarning, stacklevel=4)
            continue
        bound = BoundReader(plugin, reader, bool(getattr(reader, "has_fields", False)))
        for suffix in suffixes:
            found[suffix] = (*found.get(suffix, ()), bound)
    return found


ZIP = ".zip"
COMPRESSIONS = (".gz", ".zst")


@contextmanager
def unpacked(path: Path, encoding: str, is_known: Callable[[str], bool]) -> Iterator[Iterator[SourceFile]]:
    """Open a file, and yield it unpacked, or the members of an archive whose names are known, by name."""
    if path.suffix.lower() != ZIP:
        yield iter((decompressed(SourceFile(str(path), path.name, partial(open_plain, path), encoding)),))
        return
    with naming_damage(str(path)):
        archive = ZipFile(path)
    with archive:
        yield _members(archive, str(path), encoding, is_known)


def decompressed(file: SourceFile) -> SourceFile:
    """Return a file without its compression, if it has one."""
    name = PurePosixPath(file.name)
    if name.suffix.lower() not in COMPRESSIONS:
        return file
    reader = _gunzip if name.suffix.lower() == ".gz" else _unzstd
    return replace(file, name=name.stem, open=partial(reader, file))


def _members(
    archive: ZipFile, where: str, encoding: str, is_known: Callable[[str], bool]
) -> Iterator[SourceFile]:
    infos = [info for info in archive.infolist() if not info.is_dir() and is_known(info.filename)]
    if not infos:
        raise TextgenError(f"{where} contains no texts; give an archive that does")
    check_size(sum(info.file_size for info in infos), where)
    for info in sorted(infos, key=lambda info: info.filename):
        name = PurePosixPath(info.filename).name
        opened = partial(archive.open, info)
        yield decompressed(SourceFile(f"{where}/{info.filename}", name, opened, encoding))


@contextmanager
def _gunzip(file: SourceFile) -> Iterator[IO[bytes]]:
    with file.open() as packed, gzip.open(packed) as stream:
        yield cast(IO[bytes], stream)


@contextmanager
def _unzstd(file: SourceFile) -> Iterator[IO[bytes]]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise missing_library(file.where, "backports.zstd") from None
    with file.open() as packed, zstd.open(packed) as stream:
        yield cast(IO[bytes], stream)
