"""`textgen look`: what entries learn, when, and what they remember."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.options import Json, Names, OnDevice, PluginFiles, Quiet, begin_apart, grouped
from textgen.requests import ClusterOptions


@grouped
def look(
    context: typer.Context,
    names: Names,
    out: Annotated[Path, typer.Option("--out", "-o", help="New or old HTML page.")] = Path("look.html"),
    cluster: OnDevice = ClusterOptions(),
    quiet: Quiet = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what entries learn, when, and what they remember: on a page, and in few lines here."""
    begin_apart(context, plugin)
    from textgen.library.progress import ProgressDisplay
    from textgen_tools import look as look_at_runs
    from textgen_tools.inside.report import look_report
    from textgen_tools.shown_report import show_report

    with ProgressDisplay(quiet=quiet) as display:
        result = look_at_runs(names, device=cluster.device, report=display)
    show_report(result, look_report, out, quiet=quiet, as_json=as_json)
