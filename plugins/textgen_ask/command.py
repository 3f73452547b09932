"""`textgen ask`: advice before training."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from textgen.cli.console import show
from textgen.cli.options import Json, OnDevice, PluginFiles, Quiet, complete_name, grouped, load_plugins
from textgen.requests import ClusterOptions, TextOptions


@grouped
def ask(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help="Path or corpus name.", autocompletion=complete_name("corpus")),
    ],
    text: Annotated[TextOptions, "clean", "split", "max_chars", "encoding"] = TextOptions(),
    cluster: OnDevice = ClusterOptions(),
    quiet: Quiet = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Recommend an entry for a text, how long to train it and the score to expect, in half a minute."""
    load_plugins(plugin)
    import textgen_ask
    from textgen.library.progress import ProgressDisplay
    from textgen_ask.report import ask_report

    with ProgressDisplay(quiet=quiet) as display:
        found = textgen_ask.ask(replace(text, corpus=sources), device=cluster.device, report=display)
    show(found, ask_report, as_json=as_json)
