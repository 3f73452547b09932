"""Digests of the files of a folder, so that damage is found when they are read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.plain_files import open_plain, read_json

DIGESTS = "files.json"
MAX_BYTES = 2**20
"""Maximum size of `files.json`."""


class DamagedFileError(TextgenError):
    """A file differs from its digest."""


def write_digests(folder: Path) -> None:
    """Write the size and the SHA-256 of every file in a folder to `files.json` in it."""
    digests = {path.name: digest_of(path) for path in sorted(folder.iterdir()) if path.name != DIGESTS}
    write_file(folder / DIGESTS, json.dumps(digests, indent=2) + "\n")


def check_digests(folder: Path, needed: Iterable[str] = ()) -> None:
    """Raise `DamagedFileError` for the first file that is missing or has changed since `write_digests`.

    All `needed` files must have a digest. A file that is there but cannot be read raises `OSError`.
    """
    try:
        digests = read_json(folder / DIGESTS, MAX_BYTES)
        wanted = {str(name): dict(digest) for name, digest in digests.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{DIGESTS} cannot be read: {reason_of(error)}") from None
    for name in needed:
        if name not in wanted:
            raise DamagedFileError(f"{DIGESTS} lacks {name}")
    for name, digest in wanted.items():
        if name != Path(name).name or name in ("", ".", ".."):
            raise DamagedFileError(f"{DIGESTS} names a file outside the folder")
        _check(folder / name, digest)


def _check(path: Path, digest: dict[str, Any]) -> None:
    try:
        with open_plain(path) as file:  # the size first: a large file takes a while to read
            num_bytes = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise DamagedFileError(f"{path.name} is missing") from None
    if num_bytes != digest.get("num_bytes"):
        raise DamagedFileError(f"{path.name} has {num_bytes} bytes instead of {digest.get('num_bytes')}")
    if digest_of(path) != digest:
        raise DamagedFileError(f"{path.name} has changed since it was written")


def digest_of(path: Path) -> dict[str, int | str]:
    """Return the size and the SHA-256 of a file."""
    with open_plain(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        return {"num_bytes": os.fstat(file.fileno()).st_size, "sha256": sha256}
