"""Long work of a command: a function of the library, with its progress on stderr and a line for Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textgen.cli.console import saved_note
from textgen.cli.interrupts import Kept
from textgen.library.basics import NotSavedError

if TYPE_CHECKING:
    from textgen.library.progress import Report, Step

Result = TypeVar("Result")


@dataclass(frozen=True)
class Done(Generic[Result]):
    """The result of work, and where it is saved."""

    result: Result
    folder: Path
    unsaved: NotSavedError | None

    def close(self, *, quiet: bool, is_said: bool = False) -> None:
        """Say where the result is saved, unless that is said; raises `NotSavedError` if it is not saved."""
        if self.unsaved:
            raise self.unsaved
        if not is_said:
            saved_note(self.folder, quiet=quiet)


def work(
    function: Callable[[Report], Result], keeping: AbstractContextManager[Kept], *, quiet: bool
) -> Done[Result]:
    """Return the result of a function, whose progress is shown; what plugins print goes to stderr."""
    from textgen.library.progress import ProgressDisplay

    unsaved = None
    with keeping as kept, ProgressDisplay(quiet=quiet) as display, redirect_stdout(sys.stderr):

        def report(step: Step) -> None:
            kept.folder = step.folder or kept.folder
            display(step)

        try:
            result = function(report)
        except NotSavedError as error:
            if error.result is None:
                raise
            result, unsaved = cast("Result", error.result), error
    return Done(result, kept.folder or Path(), unsaved)
