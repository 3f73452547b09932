"""Ctrl-C: what is kept, and the command that goes on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        number = sum(not path.name.startswith(".") for path in folder.glob(pattern))
        if not number:
            raise StoppedError("interrupted; nothing was finished, so nothing is kept") from None
        kept = f"1 {name} is kept" if number == 1 else f"{number} {name}s are kept"
        following = continuing(sys.argv[1:], folder)
        raise StoppedError(f"interrupted; {kept} in {folder}, continue with: {following}") from None


def continuing(arguments: list[str], folder: Path) -> str:
    """Return the command that resumes the one with these arguments."""
    has_folder = any(word in ("-o", "--out") or word.startswith("--out=") for word in arguments)
    return shlex.join(["textgen", *arguments, *([] if has_folder else ["--out", str(folder)])])
