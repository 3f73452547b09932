"""Output of commands: results on stdout, as JSON, drawn or piped; notes and errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from textgen.runtime.messages import shortened
from textgen.runtime.output import note, results, say, visible, visible_in
from textgen.runtime.storage.json_records import to_json
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE

if TYPE_CHECKING:
    from textgen.reports.document import Report


def report_of(folder: Path) -> Path:
    """Return the report in a folder of results that is best to look at, or the folder."""
    return next((folder / name for name in (PAGE, MARKDOWN) if (folder / name).exists()), folder)


def saved_note(folder: Path, *, quiet: bool) -> None:
    """Say on stderr where results are, on a terminal what to look at."""
    report = report_of(folder)
    if not quiet:
        note(f"report: {report}" if results().isatty() and report != folder else f"saved in {folder}")


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
    if as_json:
        print_json(result)
        return
    from textgen.library.console import VisibleConsole
    from textgen.reports.markdown import to_markdown
    from textgen.reports.terminal import render

    if not results().isatty():
        say(to_markdown(report(result)), end="")
        return
    drawn = report(visible_in(result))
    render(drawn, VisibleConsole(), full=full)
    if folder is not None:
        say(f"\n{drawn.answer}\nreport: {report_of(folder)}")  # a line of its own: clickable
    if drawn.advice:
        say(f"next: {drawn.advice}")


def print_json(record: Any) -> None:
    """Print a result, or JSON values, as JSON."""
    say(to_json(record), end="")


def print_record(record: Mapping[str, Any]) -> None:
    """Print names and values as a table on a terminal, or TSV when piped."""
    print_rows([{"name": name, "value": value} for name, value in record.items()])


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows with the same keys as a table on a terminal, or complete as TSV when piped."""
    if not rows:
        return
    cells = [[shown(value) for value in row.values()] for row in rows]
    if not results().isatty():
        for line in [list(rows[0]), *cells]:
            say("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in line))
        return
    from rich.table import Table

    from textgen.library.console import VisibleConsole

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        table.add_column(
            name, justify="right" if isinstance(value, (int, float)) else "left", overflow="fold"
        )
    for line in cells:
        table.add_row(*line)
    VisibleConsole().print(table)


def shown(value: Any) -> str:
    """Return a value in the form that people read."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(item) for item in value)
    return str(value)


def size(num_bytes: int) -> str:
    """Return a size such as `23.1 MB`."""
    from rich.filesize import decimal

    return decimal(num_bytes)


def fail(message: str, code: int) -> NoReturn:
    """Exit with one line on stderr and an exit code."""
    note(f"error: {shortened(visible(message))}")
    sys.exit(code)
