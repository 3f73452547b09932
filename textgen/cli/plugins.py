"""`textgen plugins`: list, show, check and start plugins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen.cli.completion import complete_kind, complete_plugin
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, load_plugins, refuse
from textgen.library.basics import note, say

if TYPE_CHECKING:
    from textgen.library.components import CheckResult, Plugin

app = typer.Typer()

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="Only plugins of this kind.",
        show_default="all that have the name",
        autocompletion=complete_kind,
    ),
]


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
    hidden = ("problem", "version", "target") if sys.stdout.isatty() else ("problem",)
    print_rows([{key: value for key, value in row.items() if key not in hidden} for row in rows])
    for problem in dict.fromkeys(problems):
        note(f"cannot be used: {problem}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Such as lstm.", autocompletion=complete_plugin)],
    kind: Kind = None,
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


@app.command()
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Plugin names.",
            show_default="those of --plugin, or all",
            autocompletion=complete_plugin,
        ),
    ] = None,
    kind: Kind = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Check plugins against the contract of their kind; exit code 1 if one fails."""
    of_files = load_plugins(plugin)
    from textgen.library.components import checked, chosen
    from textgen.library.progress import ProgressDisplay, Step

    plugins = chosen(names or [], kind)
    if of_files and not names:
        plugins = [each for each in plugins if each in of_files]
    numbers = {id(each): number for number, each in enumerate(plugins, start=1)}
    with ProgressDisplay(quiet=not sys.stderr.isatty()) as display, redirect_stdout(sys.stderr):

        def tell(plugin: Plugin) -> None:
            number, total = numbers[id(plugin)], len(plugins)
            display(Step(f"checking {plugin.kind} {plugin.name}", "plugins", index=number, total=total))

        outcomes = list(checked(plugins, tell))  # what plugins print goes to stderr
    rows = [
        {"kind": each.kind, "name": each.name, **asdict(result)}
        for each, results in outcomes
        for result in results
    ]
    if as_json:
        print_json({"checks": rows})
    else:
        print_rows([row for each, results in outcomes for row in _summary(each, results)])
    if any(row["status"] == "failed" for row in rows):
        raise typer.Exit(1)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the component, as users write it in an entry.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="Kind: model, tokenizer, sampler, embedding, corpus or cleaner.",
            autocompletion=complete_kind,
        ),
    ],
    into: Annotated[
        Path, typer.Option("--into", help="Folder in which the project's folder is made.")
    ] = Path(),
) -> None:
    """Start a plugin: a new project with a working example, its test and a README."""
    from textgen.library.components import new_project

    folder = new_project(name, kind, into)
    say(folder)
    note(f"next: pip install -e {folder}, then textgen plugins check {name}")


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


def _summary(plugin: Plugin, results: Sequence[CheckResult]) -> list[dict[str, str]]:
    """Return one row for a plugin that passed, otherwise one for each cause of a failure."""
    from textgen.library.components import failures

    named = {"kind": plugin.kind, "name": plugin.name}
    num_passed, num_skipped = (
        sum(result.status == status for result in results) for status in ("passed", "skipped")
    )
    counts = f"{num_passed} passed" + (f", {num_skipped} do not apply" if num_skipped else "")
    return [
        named | {"result": "failed", "check": each.check, "reason": each.reason} for each in failures(results)
    ] or [named | {"result": "passed", "check": counts, "reason": ""}]
