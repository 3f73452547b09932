"""`textgen verify`, `report` and `describe`: saved results checked and shown again, and layers of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.completion import complete_entry_or_run
from textgen.cli.console import print_json, print_rows
from textgen.cli.options import (
    NO_METAVAR,
    Json,
    OnDevice,
    PluginFiles,
    grouped,
    load_plugins,
    refuse,
    refusing,
)
from textgen.contracts import TextgenError
from textgen.requests import ClusterOptions, TextOptions
from textgen.results.names import complete_run
from textgen.runtime.output import say

if TYPE_CHECKING:
    from textgen.library.model_layers import Layer, ModelSummary
    from textgen.results.verification import VerificationCheck


@grouped
def verify(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A saved bench, ladder, suite or study: its JSON file, folder, part of its name, or latest.",
            autocompletion=complete_run,
        ),
    ],
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            metavar=NO_METAVAR,
            help="Also load the text again, score the saved runs of a bench, and measure what they wrote.",
        ),
    ] = False,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compute the numbers of a saved result again, from others in it or from its runs, and name the rest."""
    load_plugins(plugin)
    if not runs:
        refuse(context, ["--device"], "without --runs")
    from textgen.library import results

    def show(check: VerificationCheck) -> None:
        if not as_json:
            say("\n".join(check.lines()), flush=True)

    verification = results.verify(file, runs=runs, device=cluster.device, on_check=show)
    if as_json:
        print_json(verification)
    else:
        say(verification.unchecked_line)
    if not verification.agrees:
        number = sum(len(check.disagreements) for check in verification.checks)
        raise TextgenError(
            f"{number} of the values in {verification.file!r} differ from what they follow from"
        )


def report(
    names: Annotated[
        list[str], typer.Argument(help="Benches, suites or studies: folders, or names of textgen runs.")
    ],
    with_models: Annotated[
        bool,
        typer.Option(
            "--with-models",
            metavar=NO_METAVAR,
            help="Put small recurrent models over characters into the page of a bench, to write with.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the page of results (report.html) again; it opens in a browser without a network."""
    from textgen.library import results

    pages = [results.report(name, with_models=with_models) for name in names]
    if as_json:
        print_json({"pages": [str(page) for page in pages]})
        return
    for page in pages:
        say(page)


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
    from textgen.library import results
    from textgen.library.corpus import check_encoding

    refuse = refusing(context)
    if results.check_describe(what, vocab_size, refuse) is None and vocab_size is None:
        check_encoding(text.sources, refuse)
    summary = results.describe(what, text, vocab_size=vocab_size)
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
