"""Packed files: gzip, Zstandard and zip archives."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast
from zipfile import ZipFile

from textgen.contracts import TextgenError
from textgen.data.readers.budget import Budget
from textgen.data.readers.text_file import SourceFile, missing_library, naming_damage
from textgen.runtime.storage.plain_files import open_plain

ZIP = ".zip"
COMPRESSIONS = (".gz", ".zst")


@contextmanager
def unpacked(path: Path, encoding: str, is_known: Callable[[str], bool]) -> Iterator[Iterator[SourceFile]]:
    """Open a file, and yield it unpacked, or the members of an archive whose names are known, by name.

    Nothing is read of what has no size, such as `/proc/kmsg`, where reading may wait for ever.
    """
    with naming_damage(str(path)):
        num_bytes = path.stat().st_size
        archive = ZipFile(path) if path.suffix.lower() == ZIP else None
    budget = Budget(str(path), num_bytes)
    if archive is None:
        opened = partial(open_plain, path) if num_bytes else io.BytesIO
        yield iter((decompressed(SourceFile(str(path), path.name, opened, budget, encoding)),))
        return
    with archive:
        yield _members(archive, str(path), budget, encoding, is_known)


def decompressed(file: SourceFile) -> SourceFile:
    """Return a file without its compression, if it has one."""
    name = PurePosixPath(file.name)
    if name.suffix.lower() not in COMPRESSIONS:
        return file
    reader = _gunzip if name.suffix.lower() == ".gz" else _unzstd
    return replace(file, name=name.stem, open=partial(reader, file))


def _members(
    archive: ZipFile, where: str, budget: Budget, encoding: str, is_known: Callable[[str], bool]
) -> Iterator[SourceFile]:
    infos = [info for info in archive.infolist() if not info.is_dir() and is_known(info.filename)]
    if not infos:
        raise TextgenError(f"{where} contains no texts; give an archive with some")
    for info in sorted(infos, key=lambda info: info.filename):
        name = PurePosixPath(info.filename).name
        opened = partial(archive.open, info)
        yield decompressed(SourceFile(f"{where}/{info.filename}", name, opened, budget, encoding))


@dataclass(frozen=True)
class _Packed:
    """What a decompressor reads: it counts, though no text may come of it."""

    stream: IO[bytes]
    budget: Budget

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.budget.take(len(data))
        return data


@contextmanager
def _gunzip(file: SourceFile) -> Iterator[IO[bytes]]:
    with file.open() as packed:
        counted = cast(IO[bytes], _Packed(packed, file.budget))
        yield cast(IO[bytes], gzip.GzipFile(fileobj=counted, mode="rb"))


@contextmanager
def _unzstd(file: SourceFile) -> Iterator[IO[bytes]]:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        raise missing_library(file.where, "backports.zstd") from None
    with file.open() as packed:
        yield cast(IO[bytes], zstd.ZstdFile(cast(IO[bytes], _Packed(packed, file.budget))))
