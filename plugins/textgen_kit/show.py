"""`textgen plugins show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, complete_name, load_plugins
from textgen.runtime.output import say


def complete_kind(incomplete: str) -> list[str]:
    """Return the kinds of plugins."""
    from textgen.registry.registry import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


complete_plugin = complete_name()
"""Completes the names of the plugins of all kinds."""
OfKind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="Consider only plugins of this kind.",
        show_default="all kinds",
        autocompletion=complete_kind,
    ),
]


def show(
    name: Annotated[str, typer.Argument(help="Plugin, such as lstm.", autocompletion=complete_plugin)],
    kind: OfKind = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show a plugin's description, its options with types and defaults, and its source file."""
    load_plugins(plugin)
    from textgen.library.components import chosen, description

    descriptions = [description(each) for each in chosen([name], kind)]
    if as_json:
        print_json({"plugins": descriptions})
        return
    for number, each in enumerate(descriptions):
        if number:
            say()
        _print_description(each)


def _print_description(description: dict[str, Any]) -> None:
    say(
        f"{description['kind']} {description['name']}, from {description['distribution']} "
        f"{description['version']}: {description['target']}"
    )
    if description["file"]:
        say(f"{description['file']}, line {description['line']}")
    say(f"\n{description['description']}")
    for part, title in (("options", "Options:"), ("training", "Training options:")):
        if description[part]:
            say(f"\n{title}")
            print_rows([row | {"default": _written(row["default"])} for row in description[part]])


def _written(default: Any) -> str:
    """Return a default the way an entry writes it."""
    return default if isinstance(default, str) else str(default).lower()
