"""`textgen sample` and `textgen score`: what a trained run writes, and how well it predicts a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from textgen import defaults
from textgen.cli.console import print_json, print_record, printable
from textgen.cli.options import (
    Device,
    Encoding,
    Json,
    Length,
    PluginFiles,
    Precision,
    Seed,
    Spelling,
    load_plugins,
    refuse_encoding_of_names,
)

RunFolder = Annotated[Path, typer.Argument(help="Folder of a run.")]


def sample(
    run: RunFolder,
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue.")] = "",
    length: Length = defaults.SAMPLE_CHARS,
    sampler: Annotated[str, typer.Option("--sampler", help="Such as top-p:p=0.9.")] = defaults.SAMPLER,
    number: Annotated[
        int, typer.Option("--number", min=1, help="Samples; each has the next random seed.")
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
    from textgen import library
    from textgen.experiment.results import Sample

    loaded = library.load(run, device=device, precision=precision)
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


def score(
    context: typer.Context,
    run: RunFolder,
    texts: Annotated[
        list[str], typer.Argument(help="Texts: paths, corpus names, or - for standard input; joined.")
    ],
    clean: Annotated[
        str | None, typer.Option("--clean", help="Cleaner of the text.", show_default="the run's")
    ] = None,
    encoding: Encoding = defaults.ENCODING,
    device: Device = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character of the whole text."""
    load_plugins(plugin)
    refuse_encoding_of_names(context, texts)
    from textgen.data.corpus import load_text
    from textgen.experiment.run import load_run
    from textgen.experiment.scoring import score_any
    from textgen.runtime.device import choose_device
    from textgen.runtime.json_records import to_values

    device_config = choose_device(device, "fp32")
    loaded = load_run(run, device_config.device)
    cleaner = clean or loaded.settings.corpus.cleaner
    name, text = load_text(texts, cleaner, encoding)
    scored = score_any(loaded, text, device_config.device)
    about = {"text": name, "cleaner": cleaner, "num_chars": len(text)}
    print_record({**about, **to_values(scored.score), "score_checks": scored.checks}, as_json)
