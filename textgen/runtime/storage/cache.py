"""The cache folder: files written once, complete or not at all, each with a description and its digest.

A file is verified when it is read: one that is damaged is made again. While a process uses a file it keeps a
lock on it, and the least recently used of the others go when the folder reaches its limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import one_line
from textgen.runtime.storage.cache_contents import keep_within_limit, size_limit, use
from textgen.runtime.storage.digests import digest_of
from textgen.runtime.storage.files import new_file, remove_unfinished, write_file
from textgen.runtime.storage.plain_files import parse_json, read_plain

VARIABLE = "TEXTGEN_CACHE"
"""Environment variable with the path of the cache folder, if it is not the default one."""
MAX_DESCRIPTION_BYTES = 2**28


def cache_folder() -> Path:
    """Return the folder with all that textgen and the corpora keep to be quicker the next time."""
    return Path(os.environ.get(VARIABLE) or user_cache_path("textgen"))


def cache_path(kind: str, *identity: Any) -> Path:
    """Return the path of a file; `identity` is everything that determines its content, as JSON values."""
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    return cache_folder() / kind / f"{name}.bin"


def cached(path: Path) -> dict[str, Any] | None:
    """Return the description of a cached file; None if it is missing or, with a warning, damaged.

    Nothing removes the file while this process runs.
    """
    remove_unfinished(path.parent)
    described = path.with_suffix(".json")
    if not (os.path.lexists(described) and os.path.lexists(path)):
        return None
    try:
        use(path)
        description = _read_description(described)
        if {name: description[name] for name in ("num_bytes", "sha256")} != digest_of(path):
            raise ValueError("it has changed since it was written")
        os.utime(described, ns=(time.time_ns(), described.stat().st_mtime_ns))  # when it was last used
        return description
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or one_line(error, with_type=False)
        message = f"the cached file {str(path)!r} is damaged ({reason}); it is made again"
        warnings.warn(message, TextgenWarning, stacklevel=2)
        return None


def remembered(kind: str, find: Callable[[], str], *identity: Any) -> str:
    """Return what `find` returned the first time; `identity` is everything that its answer depends on.

    A cache that cannot be read or written is done without.
    """
    path = cache_path(kind, *identity).with_suffix(".json")
    try:
        answer = _read_description(path)["answer"]
        if isinstance(answer, str):
            return answer
    except (OSError, ValueError, LookupError, TypeError):
        pass  # not asked yet, or damaged: it is found again
    found = find()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_description(path, {"answer": found})
    return found


class CacheWriter:
    """A file of the cache while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._num_bytes = 0

    def write(self, data: bytes) -> int:
        """Append bytes; return how many."""
        self._digest.update(data)
        self._num_bytes += len(data)
        return self._file.write(data)

    def digest(self) -> dict[str, int | str]:
        """Return the size and the SHA-256 of what has been written."""
        return {"num_bytes": self._num_bytes, "sha256": self._digest.hexdigest()}


@contextmanager
def new_cached_file(path: Path, description: dict[str, Any]) -> Iterator[CacheWriter]:
    """Yield a file to write; it moves to `path` at the end, with the final `description`.

    Raises `TextgenError` if the disk is full or permission is missing.
    """
    described = path.with_suffix(".json")
    size_limit()  # an invalid one is refused before any work
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            writer = CacheWriter(file)
            yield writer
            for old in (described, path):
                if old.is_dir() and not old.is_symlink():  # by mistake
                    shutil.rmtree(old)
        description |= writer.digest()
        _write_description(described, description)
        use(path)
    except OSError as error:
        raise TextgenError(
            f"cannot write to the cache folder {str(path.parent)!r}: {error.strerror or error}; "
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
