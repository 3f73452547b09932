"""`textgen suite`: a comparison that is declared as data."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.completion import complete_name
from textgen.cli.console import print_result
from textgen.cli.interrupts import keeping
from textgen.cli.options import InParallel, Json, Out, PluginFiles, Quiet, grouped, load_plugins, refusing
from textgen.cli.work import working
from textgen.library.options import ClusterOptions, TextOptions, check_shares, prepare


@grouped
def suite(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An installed suite, such as improvements, or a TOML file.",
            autocompletion=complete_name("suite"),
        ),
    ],
    text: Annotated[TextOptions, "corpus", "split", "max_chars", "encoding", "keep_repeats"] = TextOptions(),
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Training of each case without a budget of its own: 60s, 20Mchars; or several: 15s,1m.",
            show_default="the suite's",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, max=1000, help="Random seeds per case.", show_default="the suite's"),
    ] = None,
    cluster: InParallel = ClusterOptions(),
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Train the cases of a suite with several seeds, and say what each change is worth."""
    prepare("suite")
    load_plugins(plugin)
    from textgen.library import suites
    from textgen.library.corpus import check_encoding

    refuse = refusing(context)
    check_encoding(text.sources, refuse)
    suites.check_suite(name, refuse)
    check_shares(cluster.on, refuse)
    with working(keeping("jobs/*.json", "run"), quiet=quiet) as work:
        work.result = suites.suite(
            name,
            text,
            budget=budget,
            seeds=seeds,
            cluster=cluster,
            out=out,
            report=work.report,
        )
    print_result(work.result, as_json, full=True)
    work.close(quiet=quiet)
