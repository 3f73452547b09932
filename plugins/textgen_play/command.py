"""`textgen play`: a page on which people write with runs."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from markupsafe import Markup

from textgen.cli.options import NO_METAVAR, PluginFiles, complete_result, grouped, load_plugins
from textgen.requests import ClusterOptions
from textgen.runtime.messages import require_extra
from textgen.runtime.output import say

RunNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN|BENCH]...",
        help="Runs, or benches (their best runs): folders, parts of names, or latest.",
        autocompletion=complete_result,
        show_default="latest",
    ),
]


@grouped
def play(
    names: RunNames = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port to use.", show_default="8423, or any free one"),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", metavar=NO_METAVAR, help="Print the address, open no browser.")
    ] = False,
    cluster: Annotated[ClusterOptions, "device"] = ClusterOptions(),
    plugin: PluginFiles = None,
) -> None:
    """Open a local web page and write with your trained models side by side."""
    load_plugins(plugin)
    for package in ("starlette", "uvicorn"):
        require_extra(package, "play", "the live page needs Starlette")
    from textgen_play.client import Client, find_folders
    from textgen_play.server import serve

    folders = find_folders(names or [])
    with ExitStack() as stack:

        def on_open(address: str) -> None:
            say(address, flush=True)
            if not no_browser:
                open_privately(address, stack)

        serve(Client(folders, plugin or [], cluster.device), port, on_open)


def open_privately(address: str, stack: ExitStack) -> None:
    """Open an address in the browser by way of a file that goes with `stack` and that nobody else can read.

    The address contains the token, and everyone on the machine can read the command line of the browser.
    """
    import webbrowser

    # A browser in a sandbox (snap) reads neither hidden folders of the home folder nor the temporary one.
    place = Path.cwd() if os.access(".", os.W_OK) else None
    page = Path(stack.enter_context(TemporaryDirectory(prefix="textgen-play-", dir=place)), "play.html")
    link = Markup('<meta http-equiv="refresh" content="0; url={0}"><a href="{0}">{0}</a>').format(address)
    page.write_text(f"<!doctype html><title>textgen play</title>{link}", "utf-8")
    webbrowser.open(page.as_uri())
