"""`textgen describe`: the layers of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.completion import complete_entry_or_run
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json, PluginFiles, given, grouped, load_plugins
from textgen.requests import TextOptions

if TYPE_CHECKING:
    from textgen.library.description import Layer, ModelSummary


@grouped
def describe(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            help="An entry, or a run: its folder, or part of its name.", autocompletion=complete_entry_or_run
        ),
    ],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            "--vocab-size",
            min=1,
            max=2_000_000,
            help="Tokens in the vocabulary of an entry; no text is read then.",
            show_default="that of the text",
        ),
    ] = None,
    text: Annotated[TextOptions, "corpus", "clean", "max_chars", "encoding"] = TextOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    load_plugins(plugin)
    from textgen.library.description import describe_as

    summary = describe_as(what, text, vocab_size, given(context))
    if as_json:
        print_json(summary)
    else:
        print_layers(summary)


def print_layers(summary: ModelSummary) -> None:
    """Print one row for each layer, and the total; frozen parameters are a column if there are any."""
    rows = [
        {
            "layer": layer.layer,
            "type": layer.type,
            "output shape": f"({', '.join(map(str, layer.output_shape))})" if layer.output_shape else "",
            **_counts(layer, summary),
        }
        for layer in summary.layers
    ]
    print_rows([*rows, {"layer": "total", "type": "", "output shape": "", **_counts(summary, summary)}])


def _counts(counted: Layer | ModelSummary, summary: ModelSummary) -> dict[str, str]:
    frozen = {"frozen": f"{counted.num_frozen_parameters:,}"} if summary.num_frozen_parameters else {}
    return {"parameters": f"{counted.num_parameters:,}", **frozen}
