"""`textgen suite`: a comparison that is declared as data."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.completion import complete_name
from textgen.cli.console import print_document
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
    CpusPerRun,
    Device,
    Encoding,
    EntryTimeout,
    GpusPerRun,
    Json,
    MaxChars,
    On,
    Out,
    PluginFiles,
    Precision,
    Quiet,
    Sources,
    Split,
    load_plugins,
    refusing,
)
from textgen.cli.work import work
from textgen.library.basics import defaults, prepare
from textgen.library.options import ClusterOptions, TextOptions, check_shares


def suite(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An installed suite, such as improvements, or a TOML file.",
            autocompletion=complete_name("suite"),
        ),
    ],
    corpus: Sources = [defaults.CORPUS],
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Training of each case without a budget of its own: 60s, 5epochs, 20Mchars.",
            show_default="the suite's",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, max=1000, help="Random seeds per case.", show_default="the suite's"),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Runs to train in parallel.")] = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    entry_timeout: EntryTimeout = defaults.ENTRY_TIMEOUT,
    on: On = None,
    cpus_per_run: CpusPerRun = 1.0,
    gpus_per_run: GpusPerRun = 0.0,
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
    from textgen.library.presentation import to_markdown

    refuse = refusing(context)
    check_encoding(corpus, refuse)
    suites.check_suite(name, refuse)
    check_shares(on, refuse)
    cluster = ClusterOptions(
        device=device,
        precision=precision,
        jobs=jobs,
        on=on,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
        entry_timeout=entry_timeout,
    )
    done = work(
        lambda report: suites.suite(
            name,
            TextOptions(corpus, split=split, max_chars=max_chars, encoding=encoding),
            budget=budget,
            seeds=seeds,
            cluster=cluster,
            out=out,
            report=report,
        ),
        keeping("jobs/*.json", "run"),
        quiet=quiet,
    )
    print_document(done.result, to_markdown(done.result), as_json)
    done.close(quiet=quiet)
