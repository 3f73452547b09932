"""`textgen look`: what entries learn, when, and what they remember."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import show
from textgen.cli.options import Json, Names, OnDevice, PluginFiles, Quiet, grouped, load_plugins
from textgen.requests import ClusterOptions
from textgen.runtime.output import note


@grouped
def look(
    names: Names,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="HTML file to write; an existing one is overwritten.")
    ] = Path("look.html"),
    cluster: OnDevice = ClusterOptions(),
    quiet: Quiet = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Inspect trained runs: how far back they look, and which words they know."""
    load_plugins(plugin)
    import textgen_look
    from textgen.library.progress import ProgressDisplay
    from textgen.reports.html import to_html
    from textgen.runtime.storage.files import write_file
    from textgen_look.report import look_report

    with ProgressDisplay(quiet=quiet) as display:
        result = textgen_look.look(names, device=cluster.device, report=display)
    write_file(out, to_html(look_report(result)))
    show(result, look_report, as_json=as_json)
    if not quiet:
        note(f"page: {out}")
