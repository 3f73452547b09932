"""What a cache folder contains: how much of what, what is in use, and what goes first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.storage.files import remove_unfinished

try:
    import fcntl
except ImportError:  # on Windows, which does not remove open files
    fcntl = None  # type: ignore[assignment]

LIMIT_VARIABLE = "TEXTGEN_CACHE_LIMIT"
"""Environment variable with the size that the cache may have, such as 5GB."""
DEFAULT_LIMIT = "20GB"
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
DOWNLOADS = "downloads"
"""The folder in the cache with what corpora have downloaded, which is not counted and stays at the limit."""
_NAME = re.compile(r"[0-9a-f]{32}\.(bin|json)")
_KIND = re.compile(r"[a-z]+")
_held: dict[tuple[int, int], int] = {}
"""Descriptors that keep a lock on the files in use, by device and inode."""


@dataclass(frozen=True)
class CachedItem:
    """A file of the cache with its description, or a downloaded file."""

    kind: str
    paths: tuple[Path, ...]
    """The description first: without it, the file does not count as cached."""
    num_bytes: int
    last_used: float
    """In seconds since the epoch."""


def size_limit() -> int:
    """Return the bytes that the cache may have; raises `TextgenError` if the variable is not a size."""
    given = os.environ.get(LIMIT_VARIABLE) or DEFAULT_LIMIT
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]B)", given.strip().upper())
    if found is None:
        raise TextgenError(f"{LIMIT_VARIABLE}={given!r}: give a size, such as 500MB or 20GB")
    return round(float(found[1]) * UNITS[found[2]])


def use(path: Path) -> None:
    """Keep a file from being removed while this process runs, where the system has such locks."""
    if fcntl is None:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    about = os.fstat(descriptor)
    key = about.st_dev, about.st_ino
    if key in _held:
        os.close(descriptor)
        return
    with suppress(OSError):  # no locks on this file system
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    _held[key] = descriptor


def contents(folder: Path) -> list[CachedItem]:
    """Return what textgen has made in a cache folder; whatever else is in it is left out."""
    found: list[CachedItem] = []
    for kind in _folders(folder):
        if kind.name == DOWNLOADS:
            files = [path for path in sorted(kind.rglob("*")) if path.is_file() and not path.is_symlink()]
            found += [_item(kind.name, (path,)) for path in files]
        elif _KIND.fullmatch(kind.name):
            remove_unfinished(kind)
            names = sorted({path.stem for path in kind.iterdir() if _NAME.fullmatch(path.name)})
            found += [_item(kind.name, tuple(_existing(kind, name))) for name in names]
    return found


def keep_within_limit(folder: Path) -> None:
    """Remove the least recently used files until the cache is within its limit; those in use stay."""
    items = [item for item in contents(folder) if item.kind != DOWNLOADS]
    excess = sum(item.num_bytes for item in items) - size_limit()
    for item in sorted(items, key=lambda item: item.last_used):
        if excess <= 0:
            return
        if remove(item):
            excess -= item.num_bytes


def remove_all(folder: Path) -> tuple[list[CachedItem], list[CachedItem]]:
    """Empty a cache folder; return what is removed, and what a process uses or may not be removed."""
    removed: list[CachedItem] = []
    left: list[CachedItem] = []
    for item in contents(folder):
        (removed if remove(item) else left).append(item)
    for kind in _folders(folder):
        if kind.name == DOWNLOADS or _KIND.fullmatch(kind.name):
            for path in (*sorted(kind.rglob("*"), reverse=True), kind):
                with suppress(OSError):  # most are not empty folders
                    path.rmdir()
    return removed, left


def remove(item: CachedItem) -> bool:
    """Remove an item; return False if a process uses it, or it may not be removed."""
    with suppress(OSError):
        if not any(map(_is_in_use, item.paths)):
            for path in item.paths:
                path.unlink(missing_ok=True)
            return True
    return False


def _is_in_use(path: Path) -> bool:
    if fcntl is None:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this file system
        return False
    finally:
        os.close(descriptor)
    return False


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):  # there is none yet
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _existing(folder: Path, name: str) -> Iterator[Path]:
    for suffix in (".json", ".bin"):
        path = folder / f"{name}{suffix}"
        if path.is_file() or path.is_symlink():
            yield path


def _item(kind: str, paths: tuple[Path, ...]) -> CachedItem:
    found = [path.lstat() for path in paths]
    last_used = max((max(each.st_atime, each.st_mtime) for each in found[:1]), default=0.0)
    return CachedItem(kind, paths, sum(each.st_size for each in found), last_used)
