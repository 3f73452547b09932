"""`textgen runs`: list, show or remove what is saved."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from textgen.cli.command_plugins import PluginGroup
from textgen.cli.console import print_json, print_rows, saved_note, show, size
from textgen.cli.options import (
    Full,
    Json,
    Names,
    PluginFiles,
    Root,
    complete_kind_of_result,
    complete_result,
    given,
    load_plugins,
)
from textgen.contracts import TextgenError
from textgen.library.options import refuse
from textgen.runtime.messages import UsageError, unknown
from textgen.runtime.output import note, results, say
from textgen.runtime.storage.result_folders import RUNS

if TYPE_CHECKING:
    from textgen.results.folders import ResultFolder
    from textgen.results.items import Item

app = typer.Typer(cls=PluginGroup)

Sort = Literal["score", "age", "name"]
LESS = ("kind", "corpus", "budget", "95 % interval", "size")
"""Columns that a narrower terminal lacks."""
WIDE = 120
"""Columns of a terminal that has room for all cells."""
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    root: Root = RUNS,
    text: Annotated[
        str, typer.Option("--filter", help="Show only results with this in name, entries, corpus or budget.")
    ] = "",
    sort: Annotated[
        Sort, typer.Option("--sort", help="Sort by score (best first), age (newest first) or name.")
    ] = "age",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="Show only this kind, such as bench; run includes the runs inside benches.",
            show_default="all",
            autocompletion=complete_kind_of_result,
        ),
    ] = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List saved runs, benches, suites and studies, or show or remove some."""
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        options = ["root", "filter", "sort", "kind", "json", "plugin"]
        refuse(given(context), options, f"before {command!r}", advice=f"put it after {command!r}")
        return
    load_plugins(plugin)
    from textgen.results.items import SORT_KEYS, read_catalog
    from textgen.results.result_kind import kinds

    if kind is not None and kind not in kinds():
        raise UsageError(unknown("kind of result", kind, kinds()))
    if root != RUNS and not root.is_dir():
        raise TextgenError(f"no such folder: {str(root)!r}; give another one with --root")
    catalog = read_catalog(root, kind)
    found = sorted((item for item in catalog.items if item.mentions(text)), key=SORT_KEYS[sort])
    if as_json:
        print_json({"runs": found, "skipped": catalog.skipped})
        return
    for problem in catalog.skipped:
        note(f"skipped: {problem}")
    if not found:
        note(f"no saved results in {root}" if not catalog.items else f"none of {len(catalog.items)} match")
    rows = [row(item) for item in found]
    if results().isatty() and get_terminal_size().columns < WIDE:
        rows = [{name: value for name, value in each.items() if name not in LESS} for each in rows]
    print_rows(rows)


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


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Path, an unambiguous part of the name, or latest.",
        autocompletion=complete_result,
    ),
]


@app.command("show")
def show_result(
    name: Name, root: Root = RUNS, full: Full = False, as_json: Json = False, plugin: PluginFiles = None
) -> None:
    """Show the report of a saved result."""
    load_plugins(plugin)
    from textgen.results.items import read_result
    from textgen.results.names import find

    found = find(name, root)
    result, kind, folder = read_result(found), found.kind, found.path
    printed = kind.printed(result) if as_json else result
    show(printed, lambda record: kind.report(record, folder), as_json=as_json, full=full)
    saved_note(folder, quiet=False)


@app.command()
def remove(
    names: Names,
    root: Root = RUNS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking for confirmation.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Remove saved runs, benches, suites or studies; fails if a folder contains other files."""
    load_plugins(plugin)
    from textgen.results.folders import check_removable, name_of, remove_results

    chosen = _outermost(names, root)
    for found in chosen:
        check_removable(found)
    rows: list[dict[str, Any]] = [
        {"kind": found.kind.name, "name": name_of(found.path, root), "num_bytes": found.num_bytes}
        for found in chosen
    ]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("cannot ask for confirmation without a terminal; give --yes to remove")
        for row in rows:
            note(f"{row['kind']} {row['name']} ({size(row['num_bytes'])})")
        note("Remove permanently? [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("nothing removed")
            return
    for found in chosen:
        remove_results(found)
    if as_json:
        print_json({"removed": rows})
    else:
        for row in rows:
            say(f"removed {row['kind']} {row['name']} ({size(row['num_bytes'])})")


def _outermost(names: list[str], root: Path) -> list[ResultFolder]:
    """Return the results that names mean, each once, without those inside another."""
    from textgen.results.names import find

    found = {each.path.resolve(): each for each in (find(name, root) for name in names)}
    return [each for path, each in found.items() if not any(parent in found for parent in path.parents)]
