"""Long work of a command: its progress on stderr, a line for Ctrl-C, and a result that may be unsaved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.cli.console import saved_note
from textgen.cli.interrupts import Kept
from textgen.runtime.storage.files import NotSavedError

if TYPE_CHECKING:
    from textgen.library.progress import ProgressDisplay
    from textgen.training.progress import Step


@dataclass
class Work:
    """Work of a command and, in the end, its result and where that is saved."""

    display: ProgressDisplay
    kept: Kept
    result: Any = field(init=False)
    unsaved: NotSavedError | None = None

    @property
    def folder(self) -> Path:
        """The folder in which the result is saved."""
        return self.kept.folder or Path()

    def report(self, step: Step) -> None:
        """Show a step."""
        self.kept.folder = step.folder or self.kept.folder
        self.display(step)

    def close(self, *, quiet: bool, is_said: bool = False) -> None:
        """Say where the result is saved, unless that is said; raises `NotSavedError` if it is not saved."""
        if self.unsaved:
            raise self.unsaved
        if not is_said:
            saved_note(self.folder, quiet=quiet)


@contextmanager
def working(keeping: AbstractContextManager[Kept], *, quiet: bool) -> Iterator[Work]:
    """Show the progress of what is done in this context.

    A result that could not be saved becomes that of the work.
    """
    from textgen.library.progress import ProgressDisplay

    with keeping as kept, ProgressDisplay(quiet=quiet) as display:
        work = Work(display, kept)
        try:
            yield work
        except NotSavedError as error:
            if error.result is None:
                raise
            work.result, work.unsaved = error.result, error
