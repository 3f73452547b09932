"""`textgen plugins show`, `textgen plugins check` and `textgen plugins new`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen.cli.completion import complete_name
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, load_plugins
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen_kit.runner import CheckResult


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
        help="Only plugins of this kind.",
        show_default="all that have the name",
        autocompletion=complete_kind,
    ),
]


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Plugin names, with options as in top-p:p=0.9.",
            show_default="those of --plugin, or all",
            autocompletion=complete_plugin,
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

    specs = {spec: spec.partition(":")[0] for spec in names or ()}
    found = chosen(list(specs.values()), kind)
    plugins = [(each, spec) for each in found for spec, name in specs.items() if name == each.name]
    if not names:
        plugins = [(each, each.name) for each in found if not of_files or each in of_files]
    outcomes: list[tuple[dict[str, str], list[CheckResult]]] = []
    with ProgressDisplay(quiet=not sys.stderr.isatty()) as display:
        for number, (each, spec) in enumerate(plugins, start=1):
            step = f"checking {each.kind} {spec}"
            display(Step(step, "plugins", index=number, total=len(plugins)))
            outcomes.append(({"kind": each.kind, "name": spec}, checked(each, spec)))
    if as_json:
        rows = [named | asdict(result) for named, results in outcomes for result in results]
        print_json({"checks": rows})
    else:
        print_rows([row for named, results in outcomes for row in _summary(named, results)])
    if any(result.status == "failed" for _, results in outcomes for result in results):
        raise typer.Exit(1)


def new(
    name: Annotated[str, typer.Argument(help="Name of the component, as users write it in an entry.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="Kind: model, refinement, tokenizer, sampler, embedding, corpus, cleaner or metric.",
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


def _summary(named: dict[str, str], results: Sequence[CheckResult]) -> list[dict[str, str]]:
    """Return one row for a plugin that passed, otherwise one per cause of a failure; and one per warning."""
    from textgen_kit.runner import failures

    num_passed, num_skipped = (
        sum(result.status == status for result in results) for status in ("passed", "skipped")
    )
    counts = f"{num_passed} passed" + (f", {num_skipped} do not apply" if num_skipped else "")
    failed, warned = failures(results), [each for each in results if each.status == "warning"]
    rows = [
        named | {"result": each.status, "check": each.check, "reason": each.reason}
        for each in (*failed, *warned)
    ]
    return rows if failed else [named | {"result": "passed", "check": counts, "reason": ""}, *rows]


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
