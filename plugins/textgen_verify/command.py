"""`textgen verify`: a saved result computed again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.completion import complete_result
from textgen.cli.console import print_json
from textgen.cli.options import NO_METAVAR, Json, OnDevice, PluginFiles, begin_apart, grouped, refuse
from textgen.contracts import TextgenError
from textgen.requests import ClusterOptions
from textgen.runtime.output import say

if TYPE_CHECKING:
    from textgen_verify.verification import VerificationCheck


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
            help="Also load the text again, score the saved runs of a bench, and measure what they wrote.",
        ),
    ] = False,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compute the values of a saved result again, from others in it or from its runs, and name the rest."""
    begin_apart(context, plugin)
    if not runs:
        refuse(context, ["--device"], "without --runs")
    import textgen_verify

    def show(check: VerificationCheck) -> None:
        if not as_json:
            say("\n".join(check.lines()), flush=True)

    verification = textgen_verify.verify(file, runs=runs, device=cluster.device, on_check=show)
    if as_json:
        print_json(verification)
    else:
        say("\n".join(verification.closing_lines))
    if not verification.agrees:
        number = sum(len(check.disagreements) for check in verification.checks)
        raise TextgenError(
            f"{number} of the values in {verification.file!r} differ from what they follow from"
        )
