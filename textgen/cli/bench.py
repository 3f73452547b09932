"""`textgen bench`: entries side by side."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from textgen.cli.completion import complete_entry, complete_name
from textgen.cli.console import print_result
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
    BudgetText,
    Clean,
    CpusPerRun,
    Device,
    Encoding,
    EntryTimeout,
    Full,
    GpusPerRun,
    Json,
    Length,
    MaxChars,
    On,
    Out,
    PluginFiles,
    Precision,
    Quiet,
    Seed,
    Sources,
    Spelling,
    Split,
    Temperature,
    load_plugins,
    refusing,
    samplers_of,
)
from textgen.cli.work import work
from textgen.library.basics import TextgenError, defaults, prepare
from textgen.library.options import ClusterOptions, SampleOptions, TextOptions, check_shares


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
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="Random seeds per entry, counted from --seed.")
    ] = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help="Text to continue; repeatable.", show_default="passages of the test text"
        ),
    ] = None,
    sampler: Annotated[
        list[str],
        typer.Option(
            "--sampler",
            help="Such as top-p:p=0.9; repeatable, the first is measured.",
            autocompletion=complete_name("sampler"),
        ),
    ] = [defaults.SAMPLER],
    temperature: Temperature = None,
    length: Length = defaults.SAMPLE_CHARS,
    spelling: Spelling = "words",
    entry_timeout: EntryTimeout = defaults.ENTRY_TIMEOUT,
    on: On = None,
    cpus_per_run: CpusPerRun = 1.0,
    gpus_per_run: GpusPerRun = 0.0,
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
    check_encoding(corpus, refuse)
    check_shares(on, refuse)
    samples = SampleOptions(
        prompt=prompt or (),
        sampler=samplers_of(context, sampler, temperature),
        length=length,
        spelling=spelling,
    )
    cluster = ClusterOptions(
        device=device,
        precision=precision,
        on=on,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
        entry_timeout=entry_timeout,
    )
    done = work(
        lambda report: comparison.bench(
            entries or defaults.ENTRIES.split(),
            TextOptions(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding),
            budget=budget,
            seeds=range(seed, seed + seeds),
            samples=samples,
            cluster=cluster,
            out=out,
            report=report,
        ),
        keeping("runs/*", "run"),
        quiet=quiet,
    )
    print_result(done.result, as_json, full=full, folder=done.folder)
    done.close(quiet=quiet, is_said=not as_json and sys.stdout.isatty())
    if all(row.error for row in done.result.entries):
        raise TextgenError("every entry failed; the result says why")
