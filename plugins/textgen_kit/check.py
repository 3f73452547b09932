"""`textgen plugins check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, load_plugins
from textgen_kit.show import OfKind, complete_plugin

if TYPE_CHECKING:
    from textgen.registry.registry import Plugin
    from textgen_kit.conformance import CheckResult


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Plugins to check, optionally with options, as in top-p:p=0.9.",
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

    specs = {spec: spec.partition(":")[0] for spec in names or ()}
    found = chosen(list(specs.values()), kind)
    plugins = [(each, spec) for each in found for spec, name in specs.items() if name == each.name]
    if not names:
        plugins = [(each, each.name) for each in found if not of_files or each in of_files]
    outcomes: list[tuple[dict[str, str], list[CheckResult]]] = []
    with ProgressDisplay(quiet=not sys.stderr.isatty()) as display:
        for number, (each, spec) in enumerate(plugins, start=1):
            display(Step(f"checking {each.kind} {spec}", "plugins", index=number, total=len(plugins)))
            outcomes.append(({"kind": each.kind, "name": spec}, checked(each, spec)))
    if as_json:
        rows = [named | asdict(result) for named, results in outcomes for result in results]
        print_json({"checks": rows})
    else:
        print_rows([_summary(named, results) for named, results in outcomes])
    if any(results[-1].status == "failed" for _, results in outcomes):
        raise typer.Exit(1)


def checked(plugin: Plugin, spec: str) -> list[CheckResult]:
    """Return the results of the checks of a plugin, with options as in `top-p:p=0.9`.

    If it cannot be loaded, it fails the check `loads`. Raises `TextgenError` for invalid options.
    """
    from textgen.registry.options import read_spec
    from textgen.registry.registry import PluginError, load
    from textgen_kit.conformance import CheckResult, run_checks

    try:
        component, options = read_spec(plugin.kind, spec) if ":" in spec else (load(plugin.kind, spec), {})
    except PluginError as error:
        return [CheckResult("loads", "failed", str(error))]
    return run_checks(plugin.kind, component, **options)


def _summary(named: dict[str, str], results: Sequence[CheckResult]) -> dict[str, str]:
    """Return the row of a plugin: the check that failed, or the number of those that passed."""
    last, statuses = results[-1], [result.status for result in results]
    if last.status == "failed":
        return named | {"result": "failed", "check": last.check, "reason": last.reason}
    counts = f"{statuses.count('passed')} passed"
    if num_skipped := statuses.count("skipped"):
        counts += f", {num_skipped} do not apply"
    return named | {"result": "passed", "check": counts, "reason": ""}
