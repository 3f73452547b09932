"""Digests of the files of a folder, so that damage is found when they are read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from textgen.api import TextgenError
from textgen.runtime.files import write_file

DIGESTS = "files.json"


class DamagedFileError(TextgenError):
    """A file is not what it was when it was written."""


def write_digests(folder: Path) -> None:
    """Write the size and the SHA-256 of every file in a folder to `files.json` in it."""
    digests = {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.name != DIGESTS}
    write_file(folder / DIGESTS, json.dumps(digests, indent=2) + "\n")


def check_digests(folder: Path) -> None:
    """Raise `DamagedFileError` for the first file that is missing or has changed since `write_digests`.

    A file that is there but cannot be read raises `OSError`.
    """
    try:
        digests = json.loads((folder / DIGESTS).read_text("utf-8"))
        wanted = {str(name): dict(digest) for name, digest in digests.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{DIGESTS} cannot be read: {error}") from None
    for name, digest in wanted.items():
        try:
            found = _digest(folder / Path(name).name)
        except FileNotFoundError:
            raise DamagedFileError(f"{name} is missing") from None
        if found["num_bytes"] != digest.get("num_bytes"):
            sizes = f"{found['num_bytes']} bytes instead of {digest.get('num_bytes')}"
            raise DamagedFileError(f"{name} has {sizes}")
        if found != digest:
            raise DamagedFileError(f"{name} has changed since it was written")


def _digest(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        return {"num_bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
