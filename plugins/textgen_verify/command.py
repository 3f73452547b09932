"""`textgen verify`: a saved result, rebuilt and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.console import print_json
from textgen.cli.options import (
    NO_METAVAR,
    Json,
    OnDevice,
    PluginFiles,
    complete_result,
    given,
    grouped,
    load_plugins,
)
from textgen.contracts import TextgenError
from textgen.library.options import refuse
from textgen.requests import ClusterOptions
from textgen.runtime.output import say

if TYPE_CHECKING:
    from textgen_verify.compare import Check


@grouped
def verify(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A saved bench, ladder, suite or study: its JSON file, folder, part of its name, or latest.",
            autocompletion=complete_result,
        ),
    ],
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            metavar=NO_METAVAR,
            help="Also reload the text, rescore it with the saved runs and remeasure their samples.",
        ),
    ] = False,
    weigh: Annotated[
        bool,
        typer.Option(
            "--weigh",
            metavar=NO_METAVAR,
            help="Also pack the text with each run and unpack it in a process without the text.",
        ),
    ] = False,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Recompute the numbers in a saved result and list those that cannot be checked."""
    load_plugins(plugin)
    if not runs:
        refuse(given(context), ["device"], "without --runs")
    import textgen_verify

    def show(check: Check) -> None:
        if not as_json:
            say("\n".join(check.lines()), flush=True)

    verification = textgen_verify.verify(file, runs=runs, weigh=weigh, device=cluster.device, on_check=show)
    if as_json:
        print_json(verification)
    else:
        say(verification.unchecked_line)
    if not verification.agrees:
        number = sum(len(check.differences) for check in verification.checks)
        raise TextgenError(f"{number} values in {verification.file!r} differ when recomputed")
