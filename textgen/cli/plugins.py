"""`textgen plugins`: list and show plugins."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from textgen.cli.command_plugins import PluginGroup
from textgen.cli.completion import complete_plugin
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, OfKind, PluginFiles, load_plugins, refuse
from textgen.runtime.output import note, results, say

app = typer.Typer(cls=PluginGroup)


@app.callback(invoke_without_command=True)
def list_plugins(context: typer.Context, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """List the installed plugins; show, check or start one."""
    load_plugins(plugin, only_list=True)
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        refuse(context, ["--json"], f"before {command!r}", advice=f"write it after {command!r}")
        return
    from textgen.library.components import listing

    rows = listing()
    if as_json:
        print_json({"plugins": rows})
        return
    problems = [row["problem"] for row in rows if row["problem"]]
    hidden = ("problem", "version", "target") if results().isatty() else ("problem",)
    print_rows([{key: value for key, value in row.items() if key not in hidden} for row in rows])
    for problem in dict.fromkeys(problems):
        note(f"cannot be used: {problem}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Such as lstm.", autocompletion=complete_plugin)],
    kind: OfKind = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what a plugin is, its options with types and defaults, and where its code is."""
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
