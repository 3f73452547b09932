"""`textgen runs`: list what is saved; plugins add commands that show, compare, open or remove some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from textgen.cli.command_plugins import PluginGroup
from textgen.cli.completion import complete_kind_of_result
from textgen.cli.console import print_json, print_rows, size
from textgen.cli.options import Json, PluginFiles, Root, list_plugins, refuse
from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError, unknown
from textgen.runtime.output import note, results
from textgen.runtime.storage.result_folders import RUNS

if TYPE_CHECKING:
    from textgen.results.items import Item

app = typer.Typer(cls=PluginGroup)

Sort = Literal["score", "age", "name", "size"]
DROPPED = ("size", "95 % interval", "kind", "budget", "corpus", "entry")
"""Columns that a narrow terminal lacks, the first one first."""
NAME_CHARS = 20
"""Characters of a name in a line, before columns are dropped; more follow in the next."""
MAX_ENTRY_CHARS = 18
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    root: Root = RUNS,
    text: Annotated[
        str, typer.Option("--filter", help="Only what has this in its name, entries, corpus or budget.")
    ] = "",
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order: best, newest, by name, or largest first.")
    ] = "age",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="Only this kind, such as bench; run also lists the runs in benches.",
            show_default="all",
            autocompletion=complete_kind_of_result,
        ),
    ] = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List saved runs, benches, suites and studies; show, compare, open or remove some."""
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        options = ["--root", "--filter", "--sort", "--kind", "--json", "--plugin"]
        refuse(context, options, f"before {command!r}", advice=f"write it after {command!r}")
        return
    list_plugins(plugin, only_list=True)
    from textgen.results.items import SORT_KEYS, read_catalog
    from textgen.results.kinds import kinds

    if kind is not None and kind not in kinds():
        raise UsageError(unknown("kind of result", kind, kinds()))
    if root != RUNS and not root.is_dir():
        raise TextgenError(f"there is no folder {str(root)!r}")
    catalog = read_catalog(root, kind)
    found = sorted((item for item in catalog.items if item.mentions(text)), key=SORT_KEYS[sort])
    if as_json:
        print_json({"runs": found, "skipped": catalog.skipped})
        return
    for problem in catalog.skipped:
        note(f"left out: {problem}")
    if not found:
        note(f"nothing is saved in {root}" if not catalog.items else f"none of {len(catalog.items)} match")
    print_items(found)


def print_items(items: Sequence[Item]) -> None:
    """Print a row for each item: drawn on a terminal with the columns that fit, as TSV when piped."""
    rows = [row(item) for item in items]
    if not results().isatty() or not rows:
        print_rows(rows)
        return
    from rich.table import Table

    from textgen.library.console import VisibleConsole

    console = VisibleConsole()
    columns = [name for name in rows[0] if any(each[name] for each in rows)]
    names = min(NAME_CHARS, max(len(each["name"]) for each in rows))
    dropped = []
    for name in DROPPED:
        if names + sum(_width(other, rows) for other in columns if other != "name") <= console.width:
            break
        if name in columns:
            columns.remove(name)
            dropped.append(name)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        is_number = name in ("bits/char", "95 % interval", "age", "size")
        table.add_column(
            name,
            justify="right" if is_number else "left",
            overflow="fold" if name == "name" else "ellipsis",
            no_wrap=name != "name",
            max_width=MAX_ENTRY_CHARS if name == "entry" else None,
        )
    for each in rows:
        table.add_row(*(each[name] for name in columns))
    console.print(table)
    if dropped:
        note(f"without room for {', '.join(reversed(dropped))}")


def row(item: Item) -> dict[str, str]:
    """Return the cells of an item by column."""
    number = len(item.entries)
    entry = item.best or (item.entries[0] if number == 1 else "")
    of = f"{entry} of {number}" if entry else f"{number} entries"
    interval = item.interval
    return {
        "name": item.name,
        "kind": item.kind,
        "state": item.state,
        "entry": entry if number <= 1 else of,
        "corpus": item.corpus or "",
        "budget": item.budget or "",
        "bits/char": "" if item.score is None else f"{item.score:.3f}",
        "95 % interval": "" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}",
        "age": age(item.age),
        "size": size(item.num_bytes),
    }


def age(seconds: float) -> str:
    """Return a duration in its largest unit."""
    unit, length = next((each for each in UNITS if seconds >= each[1]), UNITS[-1])
    return f"{max(0, seconds) / length:.0f} {unit}"


def _width(column: str, rows: Sequence[dict[str, str]]) -> int:
    """Return the characters that a column takes, with the space before it."""
    widest = max(len(column), *(len(each[column]) for each in rows))
    return min(widest, MAX_ENTRY_CHARS if column == "entry" else widest) + 2
