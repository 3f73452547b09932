"""The one way to show a result: JSON, drawn on a terminal, or Markdown when piped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.cli.console import print_json, report_of
from textgen.runtime.output import results, say, visible_in

if TYPE_CHECKING:
    from textgen.reports.document import Report


def show(
    result: Any,
    report: Callable[[Any], Report],
    *,
    as_json: bool,
    full: bool = True,
    folder: Path | None = None,
) -> None:
    """Print a result as JSON, draw its report on a terminal, or print that as Markdown when piped.

    A terminal shows the whole report if `full`, otherwise its most important part. The answer of a result
    that is saved in `folder` is shown again at the end, with its page and the next command to try.
    """
    from textgen.library.console import VisibleConsole
    from textgen.reports.markdown import to_markdown
    from textgen.reports.terminal import render

    if as_json:
        print_json(result)
    elif not results().isatty():
        say(to_markdown(report(result)), end="")
    else:
        drawn = report(visible_in(result))
        render(drawn, VisibleConsole(), full=full)
        if folder is not None:
            say(f"\n{drawn.answer}\nreport: {report_of(folder)}")  # a line of its own: clickable
        if drawn.advice:
            say(f"next: {drawn.advice}")
