"""`textgen labels`: what labels of documents are worth, who writes like whom, and texts by label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textgen import defaults
from textgen.cli.completion import complete_result
from textgen.cli.options import Json, Names, OnDevice, PluginFiles, Quiet, Sampler, Seed, begin_apart, grouped
from textgen.requests import ClusterOptions


@grouped
def labels(
    context: typer.Context,
    names: Names,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            help="A bench or run of the same entries without --condition; repeatable.",
            show_default=False,
            autocompletion=complete_result,
        ),
    ] = None,
    number: Annotated[int, typer.Option("--number", min=1, max=1000, help="Texts for each label.")] = 20,
    length: Annotated[int, typer.Option("--length", min=50, max=10_000, help="Characters of each.")] = 300,
    sampler: Sampler = defaults.SAMPLER,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="New or old HTML page.")] = Path("labels.html"),
    cluster: OnDevice = ClusterOptions(),
    quiet: Quiet = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what labels of documents are worth to entries, who writes like whom, and texts by label."""
    begin_apart(context, plugin)
    from textgen.library.progress import ProgressDisplay
    from textgen_tools import labels as measure_labels
    from textgen_tools.conditions.report import label_report
    from textgen_tools.shown_report import show_report

    settings: dict[str, Any] = {"number": number, "length": length, "sampler": sampler, "seed": seed}
    with ProgressDisplay(quiet=quiet) as display:
        result = measure_labels(names, against or (), **settings, device=cluster.device, report=display)
    show_report(result, label_report, out, quiet=quiet, as_json=as_json)
