"""Commands that read a finished run, or the layers of one to come."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from textgen import defaults
from textgen.cli.console import flat, print_figures, printable
from textgen.cli.options import (
    Clean,
    Device,
    Encoding,
    Json,
    Length,
    MaxChars,
    PluginFiles,
    Precision,
    Seed,
    Sources,
)


def sample(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue.")] = "",
    length: Length = defaults.SAMPLE_CHARS,
    sampler: Annotated[str, typer.Option("--sampler", help="Such as top-p:p=0.9.")] = defaults.SAMPLER,
    number: Annotated[int, typer.Option("--number", min=1, help="How many samples.")] = 1,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write text with a trained run; a single sample appears as it is written."""
    from textgen.experiment.run import load_run
    from textgen.generation.generator import Generator
    from textgen.registry.options import build
    from textgen.runtime.device import choose_device

    choose = build("sampler", sampler)
    device_config = choose_device(device, precision)
    loaded = load_run(run, device_config.device)
    generator = Generator(loaded.model, loaded.tokenizer, device_config)
    if number == 1 and not as_json:
        sys.stdout.write(printable(prompt))
        for piece in generator.stream(prompt, length, choose, seed):
            sys.stdout.write(printable(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")
        return
    seeds = [seed + index for index in range(number)]
    texts = generator.generate([prompt] * number, length, choose, seeds)
    if as_json:
        rows = [
            {"prompt": prompt, "sampler": sampler, "seed": each, "text": text}
            for each, text in zip(seeds, texts, strict=True)
        ]
        print_figures({"samples": rows}, as_json)
        return
    for each, text in zip(seeds, texts, strict=True):
        print(f"--- seed {each}\n{printable(prompt + text)}")


def score(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    texts: Annotated[list[str], typer.Argument(help="A path, a corpus name, or - for standard input.")],
    clean: Annotated[
        str | None, typer.Option("--clean", help="Cleaner of the text.", show_default="that of the run")
    ] = None,
    encoding: Encoding = "utf-8",
    device: Device = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character with everything charged."""
    from textgen.data.corpus import load_text
    from textgen.experiment.run import load_run
    from textgen.experiment.scoring import score_any
    from textgen.runtime.device import choose_device

    device_config = choose_device(device, "fp32")
    loaded = load_run(run, device_config.device)
    cleaner = clean or loaded.manifest["settings"]["corpus"]["cleaner"]
    name, text = load_text(texts, cleaner, encoding)
    figures = {
        "text": name,
        "cleaner": cleaner,
        "num_chars": len(text),
        **score_any(loaded, text, device_config.device),
    }
    print_figures(figures if as_json else flat(figures), as_json)


def describe(
    what: Annotated[str, typer.Argument(help="An entry, or the folder of a run.")],
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    from textgen.cli.console import print_layers
    from textgen.experiment.summary import describe_entry, describe_run

    if os.path.exists(os.path.join(what, "run.json")) or "/" in what.partition(":")[0]:
        description = describe_run(Path(what))
    else:
        from textgen.data.corpus import load_corpus
        from textgen.experiment.entry import parse_entry

        entry = parse_entry(what)
        description = describe_entry(
            entry, load_corpus(corpus, clean, max_chars=max_chars, encoding=encoding)
        )
    if as_json:
        print_figures(description, as_json)
    else:
        print_layers(description)
