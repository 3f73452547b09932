"""The cache folder: files written once, complete or not at all, each described by a JSON file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from textgen.api import TextgenError
from textgen.runtime.files import new_file, write_file

VARIABLE = "TEXTGEN_CACHE"
"""Environment variable with the path of the cache folder, if it is not the default one."""


def cache_path(kind: str, *identity: Any) -> Path:
    """Return the path of a file; `identity` is everything that determines its content, as JSON values."""
    folder = Path(os.environ.get(VARIABLE) or user_cache_path("textgen"))
    return folder / kind / f"{hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]}.bin"


def cached(path: Path) -> dict[str, Any] | None:
    """Return the description of a cached file; None if it is missing or incomplete."""
    try:
        description: dict[str, Any] = json.loads(path.with_suffix(".json").read_text("utf-8"))
        return description if description["num_bytes"] == path.stat().st_size else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remembered(kind: str, find: Callable[[], str], *identity: Any) -> str:
    """Return what `find` returned the first time; `identity` is everything that its answer depends on.

    A cache that cannot be read or written is done without.
    """
    path = cache_path(kind, *identity).with_suffix(".json")
    try:
        answer = json.loads(path.read_text("utf-8"))["answer"]
        if isinstance(answer, str):
            return answer
    except (OSError, ValueError, LookupError, TypeError):
        pass  # not asked yet, or damaged: it is found again
    found = find()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps({"answer": found}))
    return found


@contextmanager
def new_cached_file(path: Path, description: dict[str, Any]) -> Iterator[IO[bytes]]:
    """Yield a file to write; it moves to `path` at the end, with the final `description`.

    Raises `TextgenError` if the disk is full or permission is missing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            yield file
            description["num_bytes"] = file.tell()
        write_file(path.with_suffix(".json"), json.dumps(description))
    except OSError as error:
        raise TextgenError(
            f"cannot write to the cache folder {str(path.parent)!r}: {error.strerror or error}; "
            f"free some space, or choose another folder with the environment variable {VARIABLE}"
        ) from None
