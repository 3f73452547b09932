"""A report as its command shows it: on a page, and here as text or JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textgen.cli.console import print_json
from textgen.library.console import VisibleConsole
from textgen.reports.document import Report
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.reports.terminal import render
from textgen.runtime.output import note, results, say, visible_in
from textgen.runtime.storage.files import write_file


def show_report(
    result: Any, report_of: Callable[[Any], Report], page: Path, *, quiet: bool, as_json: bool
) -> None:
    """Write the page of a result, and print its report, or the result as JSON."""
    write_file(page, to_html(report_of(result)))
    if as_json:
        print_json(result)
    elif results().isatty():
        render(report_of(visible_in(result)), VisibleConsole())
        say(f"page: {page}")
    else:
        say(to_markdown(report_of(result)), end="")
    if not quiet and (as_json or not results().isatty()):
        note(f"page: {page}")
