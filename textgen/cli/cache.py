"""`textgen cache`: what is kept to be quicker the next time, and how to get rid of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from textgen.cli.command_plugins import PluginGroup
from textgen.cli.console import print_json, print_record, size
from textgen.cli.options import Json, refuse
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen.runtime.storage.cache import CachedItem

app = typer.Typer(cls=PluginGroup)


@app.callback(invoke_without_command=True)
def show_cache(context: typer.Context, as_json: Json = False) -> None:
    """Show the cache: its folder, its limit, and how much of what is in it; clear empties it."""
    if context.invoked_subcommand is not None:
        refuse(context, ["--json"], "before 'clear'", advice="write it after 'clear'")
        return
    from textgen.runtime.storage.cache import cache_folder, contents, size_limit

    folder, items, limit = cache_folder(), contents(cache_folder()), size_limit()
    if as_json:
        print_json({"folder": str(folder), "limit_bytes": limit, **_totals(items)})
        return
    lines = {kind: _in_words(of_kind) for kind, of_kind in _by_kind(items).items()}
    print_record({"folder": str(folder), "limit": size(limit), **lines, "total": _in_words(items)})


@app.command()
def clear(as_json: Json = False) -> None:
    """Remove all cached files that no process uses; they are made or downloaded again when needed."""
    from textgen.runtime.storage.cache import cache_folder, remove_all

    removed, left = remove_all(cache_folder())
    if as_json:
        print_json({"folder": str(cache_folder()), "removed": _totals(removed), "left": _totals(left)})
    else:
        say(f"removed {_in_words(removed)} from {cache_folder()}")
    if left:
        note(f"{_in_words(left)} are in use by another command, or may not be removed")


def _by_kind(items: Sequence[CachedItem]) -> dict[str, list[CachedItem]]:
    by_kind: dict[str, list[CachedItem]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    return by_kind


def _totals(items: Sequence[CachedItem]) -> dict[str, object]:
    """Return the number of files and their bytes, in all and of each kind."""
    kinds = {kind: _numbers(of_kind) for kind, of_kind in _by_kind(items).items()}
    return {**_numbers(items), "kinds": kinds}


def _numbers(items: Sequence[CachedItem]) -> dict[str, int]:
    return {
        "num_files": sum(len(item.paths) for item in items),
        "num_bytes": sum(item.num_bytes for item in items),
    }


def _in_words(items: Sequence[CachedItem]) -> str:
    numbers = _numbers(items)
    files = "1 file" if numbers["num_files"] == 1 else f"{numbers['num_files']:,} files"
    return f"{files}, {size(numbers['num_bytes'])}"
