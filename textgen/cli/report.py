"""`textgen report`: the page of a bench, suite or study, written again from its results."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.console import print_json
from textgen.cli.options import Json


def report(
    names: Annotated[
        list[str], typer.Argument(help="Benches, suites or studies: folders, or names of textgen runs.")
    ],
    as_json: Json = False,
) -> None:
    """Write the page of results (report.html) again; it opens in a browser without a network."""
    from textgen.library import results

    pages = [results.report(name) for name in names]
    if as_json:
        print_json({"pages": [str(page) for page in pages]})
        return
    for page in pages:
        print(page)
