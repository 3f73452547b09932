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

    A terminal shows the whole report if `full`, otherwise its most important part; it ends with the answer,
    the page in `folder` and the next command to try.
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
        page = f"report: {report_of(folder)}" if folder is not None else ""  # a line of its own: clickable
        following = f"next: {drawn.advice}" if drawn.advice else ""
        for line in filter(None, (drawn.closing and f"\n{drawn.closing}", page, following)):
            say(line)
