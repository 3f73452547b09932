"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def load_plugins(paths: list[Path] | None) -> list[Path] | None:
    """Let the components in plugin files take part before anything else is read."""
    if paths:
        from textgen.registry.single_file import load_plugin_file

        for path in {path.resolve(): path for path in paths}.values():
            load_plugin_file(path)
    return paths


Sources = Annotated[
    list[str],
    typer.Option(
        "--corpus", help="A name (see `textgen corpus`), a path, or - for standard input; repeatable."
    ),
]
Clean = Annotated[str, typer.Option("--clean", help="Cleaner, such as prose:quotes=false, letters or raw.")]
Split = Annotated[
    str, typer.Option("--split", help="Percent for train/validation/test, or train/validation.")
]
MaxChars = Annotated[int | None, typer.Option("--max-chars", help="Use only so many characters of the text.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of the files read.")]
BudgetText = Annotated[
    str, typer.Option("--budget", help="Training per entry: 60s, 5m, 5epochs, 400000chars, 20Mchars.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of all randomness.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.")]
Precision = Annotated[str, typer.Option("--precision", help="Of matrix products: auto, fp32, bf16, fp16.")]
Samplers = Annotated[
    list[str],
    typer.Option("--sampler", help="Such as temperature:temperature=0.7 or top-p:p=0.9; repeatable."),
]
Length = Annotated[int, typer.Option("--length", min=1, help="Characters per sample.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for runs and results.", show_default="runs/…")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        help="A Python file whose components take part; repeatable.",
        callback=load_plugins,
        is_eager=True,
        show_default=False,
    ),
]
