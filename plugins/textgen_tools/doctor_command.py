"""`textgen doctor`: what this machine and its GPU do, in one file to keep or to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, OnDevice, Quiet, grouped
from textgen.requests import ClusterOptions
from textgen.runtime.output import note


@grouped
def doctor(
    step: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            help="Only this: device, updates, tests, bench, speed or waits; repeatable.",
            show_default="all",
        ),
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Of each entry of the bench.")] = "60s",
    out: Annotated[Path, typer.Option("--out", "-o", help="New JSON file.")] = Path("doctor.json"),
    cluster: OnDevice = ClusterOptions(),
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure what this machine and its GPU do: matmuls, updates, CUDA tests, a bench; write one file."""
    import textgen_tools

    report = None if quiet else note
    result = textgen_tools.doctor(out, step or (), budget=budget, device=cluster.device, report=report)
    if as_json:
        print_json(result)
    else:
        from textgen_tools.checkup.summary import lines

        print_rows(lines(result))
    note(f"saved in {out}")
    if any(each.outcome == "failed" for each in result.steps):
        raise typer.Exit(1)
