"""`textgen play`: a page on which people write with runs."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.catalog.names import complete_run
from textgen.cli.options import NO_METAVAR, PluginFiles, grouped, load_plugins
from textgen.library.basics import say
from textgen.library.options import ClusterOptions


@grouped
def play(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|BENCH]...",
            help="Runs, or benches for their best runs: folders, parts of names, or latest.",
            autocompletion=complete_run,
            show_default="latest",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port.", show_default="8423, or any free one"),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", metavar=NO_METAVAR, help="Only print the address.")
    ] = False,
    cluster: Annotated[ClusterOptions, "device"] = ClusterOptions(),
    plugin: PluginFiles = None,
) -> None:
    """Write with runs, side by side, on a page of this machine."""
    load_plugins(plugin)
    from textgen.library.basics import require_play

    require_play()
    from textgen.play.page import play_page
    from textgen.play.server import serve
    from textgen.play.worker import Worker, find_folders

    folders = find_folders(names or [])

    def on_open(address: str) -> None:
        say(address, flush=True)
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    serve(Worker(folders, plugin or [], cluster.device), play_page, port, on_open)
