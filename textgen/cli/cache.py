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
        Literal["show", "clear"], typer.Argument(help="clear removes the files that no process is using.")
    ] = "show",
    as_json: Json = False,
) -> None:
    """Show the folder, size limit and contents of the cache, or clear it."""
    from textgen.runtime.storage.cache import cache_folder, contents, size_limit

    folder = cache_folder()
    if action == "clear":
        removed, left = remove_all(folder)
        if as_json:
            print_json({"folder": str(folder), "removed": totals(removed), "left": totals(left)})
        else:
            say(f"removed {in_words(removed)} from {folder}")
        if left:
            note(f"kept {in_words(left)}: in use by another command, or no permission to remove")
        return
    items, limit = contents(folder), size_limit()
    of_kind = {
        kind: [item for item in items if item.kind == kind] for kind in sorted({each.kind for each in items})
    }
    if as_json:
        kinds = {kind: totals(some) for kind, some in of_kind.items()}
        print_json({"folder": str(folder), "limit_bytes": limit, **totals(items), "kinds": kinds})
    else:
        lines = {kind: in_words(some) for kind, some in of_kind.items()}
        print_record({"folder": str(folder), "limit": size(limit), **lines, "total": in_words(items)})


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


def totals(items: Sequence[CachedItem]) -> dict[str, int]:
    """Return the number of files of items, and their bytes."""
    return {
        "num_files": sum(len(item.paths) for item in items),
        "num_bytes": sum(item.num_bytes for item in items),
    }


def in_words(items: Sequence[CachedItem]) -> str:
    """Return the number of files of items and their total size."""
    number, num_bytes = totals(items).values()
    return f"{number:,} file{'s' * (number != 1)}, {size(num_bytes)}"
