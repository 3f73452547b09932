"""`textgen bench`: entries side by side."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from textgen import defaults
from textgen.api import TextgenError
from textgen.cli.console import note, print_result
from textgen.cli.options import (
    BudgetText,
    Clean,
    Device,
    Encoding,
    Json,
    Length,
    MaxChars,
    Out,
    PluginFiles,
    Precision,
    Seed,
    Sources,
    Spelling,
    Split,
    load_plugins,
    refuse_encoding_of_names,
)
from textgen.runtime.result_folders import result_folder, result_name


def bench(
    context: typer.Context,
    entries: Annotated[
        list[str],
        typer.Argument(help="Such as char-lstm word-lstm-glove random char-lstm:num_layers=1."),
    ],
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Random seeds per entry, counted from --seed.")
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
            help="Such as temperature:temperature=0.7 or top-p:p=0.9; repeatable, the first is measured.",
        ),
    ] = [defaults.SAMPLER],
    length: Length = defaults.SAMPLE_CHARS,
    spelling: Spelling = "words",
    out: Out = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train entries side by side on one text and compare scores, samples, speed and size."""
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    from textgen.cli.progress import ProgressDisplay
    from textgen.library import comparison

    with (
        result_folder(out, lambda: result_name(entries, "+".join(corpus), budget, seed)) as folder,
        ProgressDisplay() as display,
        redirect_stdout(sys.stderr),
    ):
        result = comparison.bench(
            entries,
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
            sampler=sampler,
            length=length,
            spelling=spelling,
            out=folder,
            report=display,
        )
    print_result(result, as_json)
    note(f"saved in {folder}")
    if all(row.error for row in result.entries):
        raise TextgenError("every entry failed; the result says why")
