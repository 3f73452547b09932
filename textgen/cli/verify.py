"""`textgen verify`: whether the numbers of a saved result follow from what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.catalog.names import complete_run
from textgen.cli.console import print_json
from textgen.cli.options import NO_METAVAR, Json, OnDevice, PluginFiles, grouped, load_plugins, refuse
from textgen.library.basics import TextgenError, printable
from textgen.library.options import ClusterOptions

if TYPE_CHECKING:
    from textgen.library.results import Check


@grouped
def verify(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A saved bench.json, suite.json or study.json, its folder, part of its name, or latest.",
            autocompletion=complete_run,
        ),
    ],
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            metavar=NO_METAVAR,
            help="Also load the text again and score the saved runs of a bench.",
        ),
    ] = False,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compute the numbers of a saved result again, from the bits of its stretches or from its runs."""
    load_plugins(plugin)
    if not runs:
        refuse(context, ["--device"], "without --runs")
    from textgen.library import results

    def show(check: Check) -> None:
        if not as_json:
            print("\n".join(map(printable, check.lines())), flush=True)

    verification = results.verify(file, runs=runs, device=cluster.device, report=show)
    if as_json:
        print_json(verification)
    if not verification.agrees:
        number = sum(len(check.disagreements) for check in verification.checks)
        raise TextgenError(
            f"{number} of the values in {verification.file!r} differ from what they follow from"
        )
