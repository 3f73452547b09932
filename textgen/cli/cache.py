"""`textgen cache`: what is kept to be quicker the next time, and how to get rid of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from textgen.cli.console import print_json, print_record, size
from textgen.cli.options import Json
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen.runtime.storage.cache import CachedItem


def cache(
    action: Annotated[
        Literal["show", "clear"], typer.Argument(help="clear removes what no process uses.")
    ] = "show",
    as_json: Json = False,
) -> None:
    """Show the cache: its folder, its limit, and how much of what is in it; or empty it."""
    from textgen.runtime.storage.cache import cache_folder, contents, size_limit

    folder = cache_folder()
    if action == "clear":
        removed, left = remove_all(folder)
        if as_json:
            print_json({"folder": str(folder), "removed": _totals(removed), "left": _totals(left)})
        else:
            say(f"removed {_in_words(removed)} from {folder}")
        if left:
            note(f"{_in_words(left)} are in use by another command, or may not be removed")
        return
    items, limit = contents(folder), size_limit()
    if as_json:
        print_json({"folder": str(folder), "limit_bytes": limit, **_totals(items)})
        return
    lines = {kind: _in_words(of_kind) for kind, of_kind in _by_kind(items).items()}
    print_record({"folder": str(folder), "limit": size(limit), **lines, "total": _in_words(items)})


def remove_all(folder: Path) -> tuple[list[CachedItem], list[CachedItem]]:
    """Empty a cache folder; return what is removed, and what a process uses or may not be removed."""
    from textgen.runtime.storage.cache import contents, remove_item

    removed: list[CachedItem] = []
    left: list[CachedItem] = []
    for item in contents(folder):
        (removed if remove_item(item) else left).append(item)
    for kind in {item.kind for item in removed}:
        for path in (*sorted((folder / kind).rglob("*"), reverse=True), folder / kind):
            with suppress(OSError):  # most are not empty folders
                path.rmdir()
    return removed, left


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
