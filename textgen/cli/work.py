"""Long work of a command: its progress on stderr, a line for Ctrl-C, and a result that may be unsaved."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textgen.cli.console import saved_note
from textgen.cli.interrupts import StoppedError, interrupts
from textgen.runtime.output import note, visible
from textgen.runtime.storage.files import NotSavedError

if TYPE_CHECKING:
    from textgen.library.progress import ProgressDisplay
    from textgen.training.progress import Step

SOME_FAILED = 3
"""The exit code if some runs failed and others did not."""
PARTIAL = ".partial"
"""Ending of the folder of a run that is not complete."""


@dataclass
class Work:
    """Work of a command and, finally, its result and where that is saved."""

    display: ProgressDisplay
    pattern: str
    """Matches what is finished in the folder, and is kept if the work is interrupted."""
    name: str
    """One such thing."""
    folder: Path | None = None
    """The folder in which the result is saved, as soon as a step names it."""
    result: Any = field(init=False)
    unsaved: NotSavedError | None = None

    def report(self, step: Step) -> None:
        """Show a step."""
        self.folder = step.folder or self.folder
        self.display(step)

    def close(self, *, quiet: bool, is_said: bool = False) -> None:
        """Say where the result is saved, unless that is said; raises `NotSavedError` if it is not saved."""
        if self.unsaved:
            raise self.unsaved
        if not is_said:
            saved_note(self.folder or Path(), quiet=quiet)

    def end(self) -> None:
        """End the command with `SOME_FAILED` and a line if runs failed, which the result names."""
        if number := len(self.result.failures):
            note(f"{number} {self.name}{'s' * (number > 1)} failed; the result lists the reasons")
            raise typer.Exit(SOME_FAILED)

    def interrupted(self) -> str:
        """Return the line that says what is kept in the folder, and which command goes on."""
        if self.folder is None:
            return "interrupted"
        names = [path.name for path in self.folder.glob(self.pattern) if not path.name.startswith(".")]
        number = sum(not each.endswith(PARTIAL) for each in names)
        kept = [f"{number} {self.name}{'s' if number > 1 else ''}"] if number else []
        kept += ["checkpoints"] if len(names) > number else []
        if not kept:
            return "interrupted; nothing had finished, so nothing is kept"
        are = "is" if number == 1 and len(kept) == 1 else "are"
        following = continuing(sys.argv[1:], self.folder)
        line = f"interrupted; {' and '.join(kept)} {are} kept in {self.folder}, continue with: {following}"
        return visible(line)


@contextmanager
def working(pattern: str = "", name: str = "", *, quiet: bool) -> Iterator[Work]:
    """Show the progress of what is done in this context, and turn Ctrl-C into a line that says how to go on.

    That is with what is kept (the `pattern` and its `name`), or without one with the checkpoint that the
    interrupt names. A result that could not be saved becomes that of the work.
    """
    from textgen.library.progress import ProgressDisplay

    before = interrupts.line
    try:
        with ProgressDisplay(quiet=quiet) as display:
            work = Work(display, pattern, name)
            if pattern:
                interrupts.line = work.interrupted
            try:
                yield work
            except NotSavedError as error:
                if error.result is None:
                    raise
                work.result, work.unsaved = error.result, error
    except KeyboardInterrupt as error:
        if pattern:
            raise StoppedError(interrupts.line()) from None
        folder: Path | None = getattr(error, "folder", None)
        if folder is None:
            raise
        following = continuing(sys.argv[1:], folder)
        raise StoppedError(f"interrupted; continue from the last checkpoint with: {following}") from None
    finally:
        interrupts.line = before


def continuing(arguments: list[str], folder: Path) -> str:
    """Return the command that resumes the one with these arguments."""
    has_folder = any(word in ("-o", "--out") or word.startswith("--out=") for word in arguments)
    return shlex.join(["textgen", *arguments, *([] if has_folder else ["--out", str(folder)])])
