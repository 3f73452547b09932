"""`textgen runs`: list, show, open or remove what is saved."""

from __future__ import annotations

import sys
import webbrowser
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
from textgen.runtime.storage.result_folders import PAGE, RUNS

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
        str, typer.Option("--filter", help="Only what has this in its name, entries, corpus or budget.")
    ] = "",
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order: best first, newest first, or by name.")
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
    """List saved runs, benches, suites and studies; show, open or remove some."""
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        options = ["root", "filter", "sort", "kind", "json", "plugin"]
        refuse(given(context), options, f"before {command!r}", advice=f"write it after {command!r}")
        return
    load_plugins(plugin)
    from textgen.results.items import SORT_KEYS, read_catalog
    from textgen.results.result_kind import kinds

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
        help="A path, any part of a name that no other has, or latest.",
        autocompletion=complete_result,
    ),
]


@app.command("show")
def show_result(
    name: Name, root: Root = RUNS, full: Full = False, as_json: Json = False, plugin: PluginFiles = None
) -> None:
    """Print a saved result again."""
    load_plugins(plugin)
    from textgen.results.items import read_result
    from textgen.results.names import find

    found = find(name, root)
    result, kind, folder = read_result(found), found.kind, found.path
    printed = kind.printed(result) if as_json else result
    show(printed, lambda record: kind.report(record, folder), as_json=as_json, full=full)
    saved_note(folder, quiet=False)


@app.command("open")
def open_report(name: Name, root: Root = RUNS, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """Open the report of a bench, suite or study in the browser."""
    load_plugins(plugin)
    from textgen.results.folders import identify
    from textgen.results.names import find

    found = find(name, root)
    if not found.kind.has_page:
        around = identify(found.path.parent.parent)  # the bench that it is part of
        if around is None:
            single = f"{str(found.path)!r} is a single {found.kind.name}, without a report"
            raise TextgenError(f"{single}; see textgen runs show {name}")
        found = around
    page = found.path / PAGE
    if not page.is_file():
        raise TextgenError(
            f"there is no {PAGE} in {str(found.path)!r}; make it by: textgen report {found.path}"
        )
    address = page.resolve().as_uri()
    is_open = webbrowser.open(address)
    if as_json:
        print_json({"report": str(page), "address": address, "is_open": is_open})
    else:
        say(address)
    if not is_open:
        raise TextgenError(f"no browser was found; open {str(page)!r} yourself")


@app.command()
def remove(
    names: Names,
    root: Root = RUNS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Remove saved runs, benches, suites or studies; refused if a folder contains anything else."""
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
            raise UsageError("nothing is removed without asking; give --yes")
        for row in rows:
            note(f"{row['kind']} {row['name']} ({size(row['num_bytes'])})")
        note("Remove for good? [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("nothing is removed")
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
