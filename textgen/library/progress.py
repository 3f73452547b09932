"""Progress on one line: of the output of a notebook's cell, or of stderr."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from textgen.training.progress import Progress, Report, Step

SECONDS_BETWEEN = 0.25
"""Minimum time between two changes of the line within one step."""

Show = Callable[[str, bool], None]
"""A function that replaces the line; it is told whether a new step begins, which a log prints alone."""


@contextmanager
def shown_progress(is_shown: bool, report: Report) -> Iterator[Report]:
    """Yield a function that passes everything on to `report` and, if wanted, shows it on a line."""
    if not is_shown:
        yield report
        return
    start, line = time.monotonic(), ProgressLine(_notebook() or _stderr())

    def both(step: Step) -> None:
        line(step)
        report(step)

    try:
        yield both
    finally:
        line.show(f"ended after {time.monotonic() - start:.0f} s\n", True)


class ProgressLine:
    """A `Report` that describes the current step on a line."""

    def __init__(self, show: Show) -> None:
        self.show = show
        self._told: set[str] = set()
        self._due, self._score = 0.0, ""

    def __call__(self, step: Step) -> None:
        """Show the step and, in training, the share of the budget, the validation score and the speed."""
        now, progress = time.monotonic(), step.progress
        of = f" ({step.index} of {step.total})" if step.total > 1 and step.index else ""
        name = f"{step.entry}{of}: {step.state}" if step.entry else step.state
        is_new = name not in self._told
        if is_new and step.state == "starting":
            self._score = ""
        if progress is not None and progress.validation_bits_per_char is not None:
            self._score = f", validation {progress.validation_bits_per_char:.3f} bits/char"
        if is_new or now >= self._due:
            self._told.add(name)
            self._due = now + SECONDS_BETWEEN
            outcome = f", {step.outcome}" if step.outcome else ""
            self.show(f"{name}{outcome}{self._training(progress)}", is_new)

    def _training(self, progress: Progress | None) -> str:
        if progress is None:
            return ""
        speed = progress.num_chars / max(progress.seconds, 1e-9)
        return f" {min(progress.fraction, 1):.0%}{self._score}, {speed:,.0f} chars/s"


def _notebook() -> Show | None:
    """Return what replaces a line below the current cell, if this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda line, _: handle.update({"text/plain": line.strip()}, raw=True)


def _stderr() -> Show:
    """Return what replaces the last line of a terminal, or prints each step to a log."""
    width = shutil.get_terminal_size().columns - 1

    def redraw(line: str, _: bool) -> None:
        print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)

    def log(line: str, is_new: bool) -> None:
        if is_new:
            print(line.strip(), file=sys.stderr, flush=True)

    return redraw if sys.stderr.isatty() else log
