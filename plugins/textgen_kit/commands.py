"""`textgen plugins check` and `textgen plugins new`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.completion import complete_kind, complete_plugin
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, OfKind, PluginFiles, load_plugins
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen.registry.registry import Plugin
    from textgen_kit.runner import CheckResult


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Plugin names.", show_default="those of --plugin, or all", autocompletion=complete_plugin
        ),
    ] = None,
    kind: OfKind = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Check plugins against the contract of their kind; exit code 1 if one fails."""
    of_files = load_plugins(plugin)
    from textgen.library.components import chosen
    from textgen.library.progress import ProgressDisplay
    from textgen.training.progress import Step
    from textgen_kit.runner import checked

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


def new(
    name: Annotated[str, typer.Argument(help="Name of the component, as users write it in an entry.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="Kind: model, tokenizer, sampler, embedding, corpus, cleaner or metric.",
            autocompletion=complete_kind,
        ),
    ],
    into: Annotated[
        Path, typer.Option("--into", help="Folder in which the project's folder is made.")
    ] = Path(),
) -> None:
    """Start a plugin: a new project with a working example, its test and a README."""
    from textgen_kit.project import new_project

    folder = new_project(name, kind, into)
    say(folder)
    note(f"next: pip install -e {folder}, then textgen plugins check {name}")


def _summary(plugin: Plugin, results: Sequence[CheckResult]) -> list[dict[str, str]]:
    """Return one row for a plugin that passed, otherwise one for each cause of a failure."""
    from textgen_kit.runner import failures

    named = {"kind": plugin.kind, "name": plugin.name}
    num_passed, num_skipped = (
        sum(result.status == status for result in results) for status in ("passed", "skipped")
    )
    counts = f"{num_passed} passed" + (f", {num_skipped} do not apply" if num_skipped else "")
    return [
        named | {"result": "failed", "check": each.check, "reason": each.reason} for each in failures(results)
    ] or [named | {"result": "passed", "check": counts, "reason": ""}]
