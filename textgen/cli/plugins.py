"""`textgen plugins`: list plugins; plugins add commands that show, check or start one."""

from __future__ import annotations

import typer

from textgen.cli.command_plugins import PluginGroup
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, given, load_plugins
from textgen.library.options import refuse
from textgen.runtime.output import note, results

app = typer.Typer(cls=PluginGroup)


@app.callback(invoke_without_command=True)
def list_plugins(context: typer.Context, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """List the installed plugins, or show, check or create one."""
    load_plugins(plugin)
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        refuse(given(context), ["json"], f"before {command!r}", advice=f"put it after {command!r}")
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
