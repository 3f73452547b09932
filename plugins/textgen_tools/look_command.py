"""`textgen look`: what entries learn, when, and what they remember."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json
from textgen.cli.options import Json, Names, OnDevice, PluginFiles, Quiet, begin_apart, grouped
from textgen.requests import ClusterOptions
from textgen.runtime.output import note, results, say


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
    from textgen.library.console import VisibleConsole
    from textgen.library.progress import ProgressDisplay
    from textgen.reports.html import to_html
    from textgen.reports.markdown import to_markdown
    from textgen.reports.terminal import render
    from textgen.runtime.output import visible_in
    from textgen.runtime.storage.files import write_file
    from textgen_tools import look as look_at_runs
    from textgen_tools.inside.report import look_report

    with ProgressDisplay(quiet=quiet) as display:
        result = look_at_runs(names, device=cluster.device, report=display)
    write_file(out, to_html(look_report(result)))
    if as_json:
        print_json(result)
    elif results().isatty():
        render(look_report(visible_in(result)), VisibleConsole())
        say(f"page: {out}")
    else:
        say(to_markdown(look_report(result)), end="")
    if not quiet and (as_json or not results().isatty()):
        note(f"page: {out}")
