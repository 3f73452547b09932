"""`textgen serve`: runs as a server that clients of the OpenAI API use."""

from __future__ import annotations

import os
import re
import secrets
from typing import Annotated

import typer

from textgen.cli.options import PluginFiles, grouped, load_plugins
from textgen.requests import ClusterOptions
from textgen.runtime.messages import UsageError, require_extra
from textgen.runtime.output import say
from textgen_play.command import RunNames

KEY = "TEXTGEN_API_KEY"
"""The environment variable with the key: everyone on the machine can read a command line."""


@grouped
def serve(
    names: RunNames = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port to use.", show_default="8424, or any free one"),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; any but 127.0.0.1 admits other machines.")
    ] = "127.0.0.1",
    cluster: Annotated[ClusterOptions, "device"] = ClusterOptions(),
    plugin: PluginFiles = None,
) -> None:
    """Serve runs through an OpenAI-compatible completions API, with log-probabilities."""
    load_plugins(plugin)
    for package in ("starlette", "uvicorn"):
        require_extra(package, "play", "the server needs Starlette")
    given = os.environ.pop(KEY, "")  # no plugin of a run has it
    if not re.fullmatch("[!-~]*", given):
        raise UsageError(f"the key in {KEY} must consist of visible ASCII characters")
    from textgen_play import openai_api
    from textgen_play.client import Client, find_folders

    def on_open(address: str, models: list[str]) -> None:
        say(f"address  {address}")
        say(f"key      {f'from {KEY}' if given else key}")
        say(f"models   {', '.join(models)}", flush=True)

    folders, key = find_folders(names or []), given or secrets.token_urlsafe(24)
    # In fp32, so that a seed gives one text, with the probabilities that it has when it is read.
    models = Client(folders, plugin or [], cluster.device, "fp32")
    openai_api.serve(models, folders, key, on_open, host=host, port=port)
