"""`textgen bench`: entries side by side."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, cast

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry, complete_name
from textgen.cli.console import print_result, saved_note
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
    refuse_encoding_of_names,
    refuse_shares,
    samplers_of,
)
from textgen.contracts import TextgenError
from textgen.runtime.storage.files import NotSavedError
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.distributed.rank_info import refuse_torchrun
from textgen.workers.worker import import_early

if TYPE_CHECKING:
    from textgen.comparison.comparison_result import Comparison


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
    refuse_torchrun()
    import_early("textgen.comparison.entry_job")
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    refuse_shares(context, on)
    samplers = samplers_of(context, sampler, temperature)
    from textgen.cli.progress import ProgressDisplay
    from textgen.library import comparison

    compared = entries or defaults.ENTRIES.split()
    unsaved: NotSavedError | None = None
    with (
        result_folder(out, lambda: result_name(compared, "+".join(corpus), budget, seed)) as folder,
        keeping(folder, "runs/*", "run"),
        ProgressDisplay(quiet=quiet) as display,
        redirect_stdout(sys.stderr),
    ):
        try:
            result: Comparison = comparison.bench(
                compared,
                corpus=corpus,
                clean=clean,
                split=split,
                max_chars=max_chars,
                encoding=encoding,
                budget=budget,
                seed=seed,
                seeds=seeds,
                device=device,
                precision=precision,
                prompt=prompt or (),
                sampler=samplers,
                length=length,
                spelling=spelling,
                entry_timeout=entry_timeout,
                on=on,
                cpus_per_run=cpus_per_run,
                gpus_per_run=gpus_per_run,
                out=folder,
                report=display,
            )
        except NotSavedError as error:
            result, unsaved = cast("Comparison", error.result), error
    print_result(result, as_json, full=full, folder=folder)
    if unsaved:
        raise unsaved
    if as_json or not sys.stdout.isatty():
        saved_note(folder, quiet=quiet)
    if all(row.error for row in result.entries):
        raise TextgenError("every entry failed; the result says why")
