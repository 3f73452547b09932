"""Packed files: gzip, Zstandard and zip archives, refused if they unpack to more than a text would."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast
from zipfile import ZipFile

from textgen.contracts import TextgenError
from textgen.data.readers.text_file import TextFile, max_unpacked, missing_library, naming_damage, too_packed

ZIP = ".zip"
COMPRESSIONS = (".gz", ".zst")
MAX_MEMBERS = 1_000_000


@contextmanager
def unpacked(path: Path, encoding: str, is_known: Callable[[str], bool]) -> Iterator[Iterator[TextFile]]:
    """Open a file, and yield it unpacked, or the members of an archive whose names are known, by name."""
    with naming_damage(str(path)):
        num_bytes = path.stat().st_size
        archive = ZipFile(path) if path.suffix.lower() == ZIP else None
    if archive is None:
        file = TextFile(str(path), path.name, lambda: path.open("rb"), encoding=encoding)
        yield iter((decompressed(file, num_bytes),))
        return
    with archive:
        check_archive(archive, str(path), num_bytes)
        yield _members(archive, str(path), encoding, is_known)


def decompressed(file: TextFile, num_bytes: int) -> TextFile:
    """Return a file without its compression, if it has one; `num_bytes` is its size with it."""
    name = PurePosixPath(file.name)
    if name.suffix.lower() not in COMPRESSIONS:
        return file
    reader = _gunzip if name.suffix.lower() == ".gz" else _unzstd
    opened = partial(reader, file)
    return replace(file, name=name.stem, open=opened, max_bytes=max_unpacked(num_bytes))


def check_archive(archive: ZipFile, where: str, num_bytes: int) -> None:
    """Raise `TextgenError` if an archive of this size unpacks to too much, whatever its members share."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > max_unpacked(num_bytes):
        raise too_packed(where)


def _members(
    archive: ZipFile, where: str, encoding: str, is_known: Callable[[str], bool]
) -> Iterator[TextFile]:
    infos = [info for info in archive.infolist() if not info.is_dir() and is_known(info.filename)]
    if not infos:
        raise TextgenError(f"{where} contains no texts; give an archive with some")
    for info in sorted(infos, key=lambda info: info.filename):
        name = PurePosixPath(info.filename).name
        member = TextFile(f"{where}/{info.filename}", name, partial(archive.open, info), encoding=encoding)
        yield decompressed(member, info.file_size)


@contextmanager
def _gunzip(file: TextFile) -> Iterator[IO[bytes]]:
    with file.open() as packed, gzip.GzipFile(fileobj=packed) as stream:
        yield cast(IO[bytes], stream)


@contextmanager
def _unzstd(file: TextFile) -> Iterator[IO[bytes]]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise missing_library(file.where, "backports.zstd") from None
    with file.open() as packed, zstd.ZstdFile(packed) as stream:
        yield cast(IO[bytes], stream)
