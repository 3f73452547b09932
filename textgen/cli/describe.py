"""`textgen describe`: the layers of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, complete_entry_or_run, given, grouped, load_plugins
from textgen.requests import TextOptions


@grouped
def describe(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            help="An entry or a run (its folder, or part of its name).", autocompletion=complete_entry_or_run
        ),
    ],
    text: Annotated[TextOptions, "corpus", "clean", "max_chars", "encoding"] = TextOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    load_plugins(plugin)
    from textgen.library.description import Layer, describe_as

    summary = describe_as(what, text, given(context))
    if as_json:
        print_json(summary)
        return
    total = Layer("total", "", (), summary.num_parameters, summary.num_frozen_parameters)
    rows = [
        {
            "layer": each.layer,
            "type": each.type,
            "output shape": f"({', '.join(map(str, each.output_shape))})" if each.output_shape else "",
            "parameters": f"{each.num_parameters:,}",
            "frozen": f"{each.num_frozen_parameters:,}",
        }
        for each in (*summary.layers, total)
    ]
    print_rows(rows)
