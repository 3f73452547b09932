"""Ctrl-C: what is kept, and the command that goes on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""How the folder of a run ends that is not complete."""


class StoppedError(Exception):
    """Ctrl-C in a command, with the line to be shown."""


@contextmanager
def keeping(folder: Path, pattern: str, name: str) -> Iterator[None]:
    """Turn Ctrl-C into a line that says what a command keeps in `folder`, and which command goes on.

    `pattern` matches what is finished, `name` is one such thing.
    """
    try:
        yield
    except KeyboardInterrupt:
        found = [path.name for path in folder.glob(pattern) if not path.name.startswith(".")]
        number = sum(not each.endswith(PARTIAL) for each in found)
        kept = [f"{number} {name}{'s' if number > 1 else ''}"] if number else []
        kept += ["checkpoints"] if len(found) > number else []
        if not kept:
            raise StoppedError("interrupted; nothing was finished, so nothing is kept") from None
        are = "is" if number == 1 and len(kept) == 1 else "are"
        following = continuing(sys.argv[1:], folder)
        raise StoppedError(
            f"interrupted; {' and '.join(kept)} {are} kept in {folder}, continue with: {following}"
        ) from None


@contextmanager
def keeping_checkpoints() -> Iterator[None]:
    """Turn Ctrl-C into a line that says which command goes on from the last checkpoint, if there is one."""
    try:
        yield
    except KeyboardInterrupt as error:
        folder: Path | None = getattr(error, "folder", None)
        if folder is None:
            raise
        following = continuing(sys.argv[1:], folder)
        raise StoppedError(f"interrupted; continue from the last checkpoint with: {following}") from None


def continuing(arguments: list[str], folder: Path) -> str:
    """Return the command that resumes the one with these arguments."""
    has_folder = any(word in ("-o", "--out") or word.startswith("--out=") for word in arguments)
    return shlex.join(["textgen", *arguments, *([] if has_folder else ["--out", str(folder)])])
