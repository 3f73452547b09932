"""A kind of case: its preparation, and the check of one case."""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

from textgen.cli.app import main
from textgen.contracts import TextgenWarning


@dataclass(frozen=True)
class Case:
    """The means of one case."""

    prepared: Path
    """The prepared folder, which it must not change."""
    chance: random.Random
    place: Path
    """An empty folder."""


Check = Callable[[Case], str | None]
"""Tries one case; returns the problem, if there is one. A `TextgenError` is a good end, too."""


class WrongError(Exception):
    """A problem of a case, which the message describes."""


def nothing(folder: Path) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Kind:
    """A kind of case."""

    name: str
    check: Check
    cases: int
    """In the long version."""
    prepare: Callable[[Path], None] = nothing
    """Fills an empty folder, which cases must not change."""
    seconds: int = 10
    """Time that a case may take."""


def prepared_once(prepare: Callable[[Path], None], folder: Path) -> None:
    """Prepare a folder inside another, by a copy if other kinds have prepared the same."""
    there = folder.parent.with_name(prepare.__name__)
    if there.exists():
        shutil.copytree(there, folder)
    else:
        prepare(folder)


def textgen(*arguments: str) -> None:
    """Run a command in this process, which must succeed."""
    code, _, stderr = run(arguments)
    if code:
        raise RuntimeError(f"textgen {' '.join(arguments)}: {stderr}")


def run(arguments: Sequence[str], stdin: bytes = b"") -> tuple[int, str, str]:
    """Run a command in this process; return its exit code, and what it wrote on stdout and stderr."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with (
        patch.object(sys, "argv", ["textgen", *arguments]),
        patch.object(sys, "stdin", TextIOWrapper(BytesIO(stdin), "utf-8")),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(action="always", category=TextgenWarning),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    printed = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]
    return int(code) if isinstance(code, int) else 1, printed[0], printed[1]


def names_below(folder: Path) -> Sequence[str]:
    """Return the names of all files and folders below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def digest(folder: Path) -> str:
    """Return a hash of all files below a folder, with their names."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder)).encode("utf-8", "surrogateescape")
            hashed.update(name + path.read_bytes())
    return hashed.hexdigest()
