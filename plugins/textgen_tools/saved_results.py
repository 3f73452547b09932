"""`textgen runs show`, `textgen runs open` and `textgen runs remove`."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen.cli.completion import complete_result
from textgen.cli.console import print_json, saved_note, size
from textgen.cli.options import Full, Json, Names, PluginFiles, Root, list_plugins
from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, results, say
from textgen.runtime.storage.result_folders import PAGE, RUNS

if TYPE_CHECKING:
    from textgen.results.folders import ResultFolder

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A path, any part of a name that no other has, or latest.",
        autocompletion=complete_result,
    ),
]


def show(
    name: Name, root: Root = RUNS, full: Full = False, as_json: Json = False, plugin: PluginFiles = None
) -> None:
    """Print a saved result again, as its command printed it."""
    list_plugins(plugin)
    from textgen.library.console import VisibleConsole
    from textgen.results.items import read_result
    from textgen.results.names import find

    found = find(name, root)
    result, kind, folder = read_result(found), found.kind, found.path
    if as_json:
        print_json(kind.printed(result))
    elif not results().isatty():
        say(kind.text(result, folder), end="")
    elif answer := kind.draw(result, folder, VisibleConsole(), full=full):
        say(f"\n{answer}")
    if as_json or not kind.names_folder:
        saved_note(folder, quiet=False)


def open_report(name: Name, root: Root = RUNS, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """Open the report of a bench, suite or study in the browser."""
    list_plugins(plugin, only_list=True)
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


def remove(
    names: Names,
    root: Root = RUNS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Remove saved runs, benches, suites or studies; refused if a folder contains anything else."""
    list_plugins(plugin, only_list=True)
    from textgen.results.folders import name_of
    from textgen_tools.removal import check_removable, remove_results

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
