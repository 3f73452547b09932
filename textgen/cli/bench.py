"""`textgen bench`: entries side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry
from textgen.cli.console import print_result
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
    Budgets,
    Full,
    Json,
    OneByOne,
    Out,
    PluginFiles,
    Quiet,
    Seed,
    Temperature,
    grouped,
    load_plugins,
    refusing,
    with_temperature,
)
from textgen.cli.work import working
from textgen.contracts import TextgenError
from textgen.library.options import ClusterOptions, SampleOptions, TextOptions, check_shares, prepare
from textgen.runtime.output import results


@grouped
def bench(
    context: typer.Context,
    entries: Annotated[
        list[str] | None,
        typer.Argument(
            help="Such as char-lstm word-lstm-glove random char-lstm:num_layers=1.",
            show_default=defaults.ENTRIES,
            autocompletion=complete_entry,
        ),
    ] = None,
    text: TextOptions = TextOptions(),
    budget: Budgets = defaults.BUDGET,
    seed: Seed = 0,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="Random seeds per entry, counted from --seed.")
    ] = 1,
    samples: SampleOptions = SampleOptions(),
    temperature: Temperature = None,
    cluster: OneByOne = ClusterOptions(),
    out: Out = None,
    full: Full = False,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Train entries side by side on one text and compare scores, samples, speed and size."""
    prepare("bench")
    load_plugins(plugin)
    from textgen.library import comparison
    from textgen.library.corpus import check_encoding

    refuse = refusing(context)
    check_encoding(text.sources, refuse)
    check_shares(cluster.on, refuse)
    samples = with_temperature(context, samples, temperature)
    with working(keeping("**/runs/*", "run"), quiet=quiet) as work:
        work.result = comparison.bench(
            entries or defaults.ENTRIES.split(),
            text,
            budget=budget,
            seeds=range(seed, seed + seeds),
            samples=samples,
            cluster=cluster,
            out=out,
            report=work.report,
        )
    print_result(work.result, as_json, full=full, folder=work.folder)
    work.close(quiet=quiet, is_said=not as_json and results().isatty())
    if not work.result.runs:
        raise TextgenError("every entry failed; the result says why")
