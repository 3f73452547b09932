"""`textgen describe`: the layers of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry_or_run
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import (
    Clean,
    Encoding,
    Json,
    MaxChars,
    PluginFiles,
    Sources,
    load_plugins,
    refuse,
    refuse_encoding_of_names,
)

if TYPE_CHECKING:
    from textgen.library.model_layers import Layer, ModelSummary

TEXT_OPTIONS = ("--corpus", "--clean", "--max-chars", "--encoding")


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
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    load_plugins(plugin)
    from textgen.catalog.names import find_run_or_entry
    from textgen.experiment.entry import parse_entry
    from textgen.library.model_layers import summarize_entry, summarize_run, summarize_untrained

    run = find_run_or_entry(what)
    if run is not None:
        refuse(context, ["--vocab-size", *TEXT_OPTIONS], f"on {what!r}, a run with a vocabulary of its own")
        summary = summarize_run(run)
    elif vocab_size is not None:
        refuse(context, TEXT_OPTIONS, "with --vocab-size, which needs no text")
        summary = summarize_untrained(parse_entry(what), vocab_size)
    else:
        from textgen.data.corpus import load_corpus

        refuse_encoding_of_names(context, corpus)
        entry = parse_entry(what)
        text = load_corpus(corpus, clean, max_chars=max_chars, encoding=encoding)
        summary = summarize_entry(entry, text)
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
