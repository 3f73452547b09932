"""Ctrl-C: what is kept, and the command that goes on."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textgen.runtime.result_folders import RUNS

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
def keeping_checkpoints(out: Path | None) -> Iterator[None]:
    """Turn Ctrl-C into a line that says which command goes on from the last checkpoint, if there is one.

    Without `out`, the run was about to get a new name in `runs`.
    """
    began = time.time()
    try:
        yield
    except KeyboardInterrupt:
        folders = RUNS.glob(f"*{PARTIAL}") if out is None else [out.with_name(f"{out.name}{PARTIAL}")]
        new = [folder for folder in folders if folder.is_dir() and folder.stat().st_mtime >= began - 1]
        for folder in new:
            if any(folder.glob("*/checkpoint-*")):
                run = folder.with_name(folder.name.removesuffix(PARTIAL))
                following = continuing(sys.argv[1:], run)
                raise StoppedError(
                    f"interrupted; continue from the last checkpoint with: {following}"
                ) from None
            shutil.rmtree(folder, ignore_errors=True)  # nothing is lost
        raise


def continuing(arguments: list[str], folder: Path) -> str:
    """Return the command that resumes the one with these arguments."""
    has_folder = any(word in ("-o", "--out") or word.startswith("--out=") for word in arguments)
    return shlex.join(["textgen", *arguments, *([] if has_folder else ["--out", str(folder)])])
