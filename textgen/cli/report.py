"""`textgen report`: the pages of saved results written again."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.console import print_json
from textgen.cli.options import NO_METAVAR, Json, PluginFiles, complete_result, load_plugins
from textgen.runtime.output import say


def report(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Benches, suites or studies: folders, or names listed by textgen runs.",
            autocompletion=complete_result,
        ),
    ],
    with_models: Annotated[
        bool,
        typer.Option(
            "--with-models",
            metavar=NO_METAVAR,
            help="Embed small recurrent character models in the page of a bench, to write with.",
        ),
    ] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Regenerate the HTML report (report.html) of a saved result; it can be read offline."""
    load_plugins(plugin)
    from textgen.library import presentation

    pages = [presentation.report(name, with_models=with_models) for name in names]
    if as_json:
        print_json({"pages": [str(page) for page in pages]})
        return
    for page in pages:
        say(page)
