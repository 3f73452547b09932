"""`textgen describe`: the layers of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textgen import defaults
from textgen.cli.console import print_rows, print_values
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

TEXT_OPTIONS = ("--corpus", "--clean", "--max-chars", "--encoding")


def describe(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="An entry, or the folder of a run.")],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            "--vocab-size",
            min=1,
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
    from textgen.experiment.entry import parse_entry
    from textgen.experiment.run import names_run
    from textgen.experiment.summary import describe_entry, describe_run, describe_untrained

    if names_run(what):
        refuse(context, ["--vocab-size", *TEXT_OPTIONS], f"on {what!r}, a run with a vocabulary of its own")
        description = describe_run(Path(what))
    elif vocab_size is not None:
        refuse(context, TEXT_OPTIONS, "with --vocab-size, which needs no text")
        description = describe_untrained(parse_entry(what), vocab_size)
    else:
        from textgen.data.corpus import load_corpus

        refuse_encoding_of_names(context, corpus)
        entry = parse_entry(what)
        text = load_corpus(corpus, clean, max_chars=max_chars, encoding=encoding)
        description = describe_entry(entry, text)
    if as_json:
        print_values(description, as_json)
    else:
        print_layers(description)


def print_layers(description: dict[str, Any]) -> None:
    """Print one row for each layer, and the total."""
    rows = [
        {
            "layer": layer["layer"],
            "type": layer["type"],
            "output shape": _shape(layer["output_shape"]),
            "parameters": f"{layer['num_parameters']:,}",
        }
        for layer in description["layers"]
    ]
    total = f"{description['num_parameters']:,}"
    print_rows([*rows, {"layer": "total", "type": "", "output shape": "", "parameters": total}])


def _shape(sizes: list[Any]) -> str:
    return f"({', '.join(map(str, sizes))})" if sizes else ""
