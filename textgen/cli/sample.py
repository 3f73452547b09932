"""`textgen sample`: what a trained run writes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from textgen.cli.completion import complete_name
from textgen.cli.console import print_json
from textgen.cli.options import (
    Device,
    Json,
    Length,
    PluginFiles,
    Precision,
    RunFolder,
    Seed,
    Spelling,
    Temperature,
    load_plugins,
    samplers_of,
)
from textgen.cli.run_table import run_folder
from textgen.library.basics import UsageError, defaults, printable


def sample(
    context: typer.Context,
    run: RunFolder,
    text: Annotated[str, typer.Argument(help="Text to continue.", show_default=False)] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue, as the second argument.")] = "",
    length: Length = defaults.SAMPLE_CHARS,
    sampler: Annotated[
        str,
        typer.Option("--sampler", help="Such as top-p:p=0.9.", autocompletion=complete_name("sampler")),
    ] = defaults.SAMPLER,
    temperature: Temperature = None,
    number: Annotated[
        int, typer.Option("--number", min=1, max=100_000, help="Samples; each has the next random seed.")
    ] = 1,
    spelling: Spelling = "words",
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write text with a trained run; a single sample is printed while it is written."""
    load_plugins(plugin)
    (sampler,) = samplers_of(context, [sampler], temperature)
    if text and prompt:
        raise UsageError("give the text to continue once: after the run, or with --prompt")
    prompt = prompt or text
    from textgen.library.runs import Sample, load

    loaded = load(run_folder(run), device=device, precision=precision)
    if number == 1 and not as_json:
        pieces = loaded.stream(prompt, length=length, sampler=sampler, seed=seed, spelling=spelling)
        sys.stdout.write(printable(prompt))
        for piece in pieces:
            sys.stdout.write(printable(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")
        return
    texts = loaded.samples(number, prompt, length=length, sampler=sampler, seed=seed, spelling=spelling)
    rows = [Sample(prompt, sampler, seed + index, text) for index, text in enumerate(texts)]
    if as_json:
        print_json({"samples": rows})
        return
    for row in rows:
        print(f"--- seed {row.seed}\n{printable(prompt + row.text)}")
