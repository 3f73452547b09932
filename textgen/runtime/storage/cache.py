"""The cache folder: files written once, complete or not at all, each with a description and its digest.

A file is verified when it is read: one that is damaged is made again. When the folder reaches its limit, the
least recently used files are removed, except those used within a day, which a process may still read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import (
    digest_of,
    new_file,
    parse_json,
    read_plain,
    remove_unfinished,
    write_file,
)

VARIABLE = "TEXTGEN_CACHE"
"""Environment variable with the path of the cache folder, if it is not the default one."""
MAX_DESCRIPTION_BYTES = 2**28
LIMIT_VARIABLE = "TEXTGEN_CACHE_LIMIT"
"""Environment variable with the size that the cache may have, such as 5GB."""
DEFAULT_LIMIT = "20GB"
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
DOWNLOADS = "downloads"
"""The folder in the cache with what corpora have downloaded, which is not counted and stays at the limit."""
_FILE_NAME = re.compile(r"[0-9a-f]{32}\.(bin|json)")
_KIND_NAME = re.compile(r"[a-z]+")
RECENT_SECONDS = 86_400
"""Files that were used within this time are not removed for the limit."""


def cache_folder() -> Path:
    """Return the folder with all that textgen and the corpora keep to be quicker the next time."""
    return Path(os.environ.get(VARIABLE) or user_cache_path("textgen"))


def cache_path(kind: str, *identity: Any) -> Path:
    """Return the path of a file; `identity` is everything that determines its content, as JSON values."""
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    return cache_folder() / kind / f"{name}.bin"


def cached(path: Path) -> dict[str, Any] | None:
    """Return the description of a cached file; None if it is missing or, with a warning, damaged."""
    remove_unfinished(path.parent)
    described = path.with_suffix(".json")
    if not (os.path.lexists(described) and os.path.lexists(path)):
        return None
    try:
        description = _read_description(described)
        if {name: description[name] for name in ("num_bytes", "sha256")} != digest_of(path):
            raise ValueError("it has changed since it was written")
        os.utime(described, ns=(time.time_ns(), described.stat().st_mtime_ns))  # when it was last used
        return description
    except (OSError, ValueError, LookupError, TypeError) as error:
        message = f"the cached file {str(path)!r} is damaged ({reason_of(error)}); recreating it"
        warnings.warn(message, TextgenWarning, stacklevel=2)
        return None


def remembered(kind: str, find: Callable[[], str], *identity: Any) -> str:
    """Return what `find` returned the first time; `identity` is everything that its answer depends on."""
    answer = recalled(kind, *identity)
    if not isinstance(answer, str):
        answer = find()
        remember(kind, answer, *identity)
    return answer


def recalled(kind: str, *identity: Any) -> Any:
    """Return the JSON values that were kept by `remember`; None if there are none, or they are damaged."""
    try:
        return _read_description(cache_path(kind, *identity).with_suffix(".json"))["answer"]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remember(kind: str, answer: Any, *identity: Any) -> None:
    """Keep JSON values, unless the cache cannot be written."""
    path = cache_path(kind, *identity).with_suffix(".json")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_description(path, {"answer": answer})


@contextmanager
def new_cached_file(path: Path, description: dict[str, Any]) -> Iterator[IO[bytes]]:
    """Yield a file to write; it moves to `path` at the end, with the final `description`.

    Raises `TextgenError` if the disk is full or permission is missing.
    """
    described = path.with_suffix(".json")
    size_limit()  # an invalid one is refused before any work
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            yield file
        description |= digest_of(path)
        _write_description(described, description)
    except OSError as error:
        raise TextgenError(
            f"cannot write to the cache folder {str(path.parent)!r}: {reason_of(error)}; "
            f"free some space, or choose another folder with the environment variable {VARIABLE}"
        ) from None
    keep_within_limit(cache_folder())


def _read_description(path: Path) -> dict[str, Any]:
    """Return the values in a file that begins with a line with the SHA-256 of the rest."""
    digest, _, text = read_plain(path, MAX_DESCRIPTION_BYTES).partition(b"\n")
    if digest != hashlib.sha256(text).hexdigest().encode():
        raise ValueError("its description has changed since it was written")
    values = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("its description is not a JSON object")
    return values


def _write_description(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values)
    write_file(path, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")


# --- the contents, and what goes first


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
    size = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]B)", given.strip().upper())
    if size is None:
        raise TextgenError(f"{LIMIT_VARIABLE}={given!r}: give a size, such as 500MB or 20GB")
    return round(float(size[1]) * UNITS[size[2]])


def contents(folder: Path) -> list[CachedItem]:
    """Return what textgen has made in a cache folder; whatever else is in it is left out."""
    items: list[CachedItem] = []
    for kind in _folders(folder):
        if kind.name == DOWNLOADS:
            files = [path for path in sorted(kind.rglob("*")) if path.is_file()]
            items += [_item(kind.name, [path]) for path in files]
        elif _KIND_NAME.fullmatch(kind.name):
            remove_unfinished(kind)
            for name in sorted({path.stem for path in kind.iterdir() if _FILE_NAME.fullmatch(path.name)}):
                both = (kind / f"{name}.json", kind / f"{name}.bin")
                files = [path for path in both if path.is_file()]
                items.append(_item(kind.name, files))
    return items


def keep_within_limit(folder: Path) -> None:
    """Remove the least recently used files until the cache is within its limit, but no recent ones."""
    items = [item for item in contents(folder) if item.kind != DOWNLOADS]
    excess = sum(item.num_bytes for item in items) - size_limit()
    for item in sorted(items, key=lambda item: item.last_used):
        if excess <= 0 or time.time() - item.last_used < RECENT_SECONDS:
            return
        if remove_item(item):
            excess -= item.num_bytes


def remove_item(item: CachedItem) -> bool:
    """Remove an item; return False if it may not be removed."""
    with suppress(OSError):
        for path in item.paths:
            path.unlink(missing_ok=True)
        return True
    return False


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):  # there is none yet
        yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _item(kind: str, paths: list[Path]) -> CachedItem:
    states = [path.lstat() for path in paths]
    last_used = max((max(each.st_atime, each.st_mtime) for each in states[:1]), default=0.0)
    return CachedItem(kind, tuple(paths), sum(each.st_size for each in states), last_used)
