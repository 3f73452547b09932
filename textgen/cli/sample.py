"""`textgen sample`: texts that a run writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from textgen import defaults
from textgen.cli import options
from textgen.cli.console import print_json
from textgen.requests import ClusterOptions, SampleOptions
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import Run

STANDARD_INPUT = "-"


@options.grouped
def sample(
    context: typer.Context,
    run: options.RunFolder,
    prompt: Annotated[
        str, typer.Option("--prompt", help="Text to continue; - reads it from standard input.")
    ] = "",
    sampler: options.Sampler = defaults.SAMPLER,
    temperature: options.Temperature = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, max=100_000, help="Number of texts, with distinct seeds.")
    ] = 1,
    samples: Annotated[SampleOptions, "length"] = SampleOptions(),
    until: Annotated[
        Literal["line", "sentence", "paragraph"] | None,
        typer.Option(
            "--until",
            help="Stop at the end of a line, sentence or paragraph; drop texts without one.",
            show_default="stop after --length",
        ),
    ] = None,
    unique: Annotated[
        bool, typer.Option("--unique", metavar=options.NO_METAVAR, help="With --until: skip duplicates.")
    ] = False,
    new: Annotated[
        bool,
        typer.Option(
            "--new", metavar=options.NO_METAVAR, help="With --until: skip texts found in the training text."
        ),
    ] = False,
    copied: Annotated[
        bool,
        typer.Option(
            "--copied", metavar=options.NO_METAVAR, help="List what is copied from the training text."
        ),
    ] = False,
    seed: options.Seed = 0,
    cluster: Annotated[ClusterOptions, "device", "precision"] = ClusterOptions(),
    as_json: options.Json = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Generate text with a trained run; a single text is streamed."""
    samples = options.with_temperature(context, replace(samples, sampler=sampler), temperature)
    if (unique or new) and until is None:
        raise UsageError("--unique and --new need --until line, sentence or paragraph")
    options.load_plugins(plugin)
    folder = options.run_folder(run)  # refused before torch is imported
    prompt = sys.stdin.read() if prompt == STANDARD_INPUT else prompt
    from textgen.library.runs import load

    settings: dict[str, Any] = {"length": samples.length, "sampler": str(samples.sampler), "seed": seed}
    loaded = load(folder, device=cluster.device, precision=cluster.precision)
    if until is not None:
        texts = loaded.samples_until(until, number, prompt, unique=unique, new=new, **settings)
    else:
        texts = _written(loaded, number, prompt, settings, is_shown=number == 1 and not as_json)
    is_list = not as_json and (until is not None or number > 1)
    rows = [_printed(row, until) if is_list else row for row in texts]
    if as_json:
        print_json({"samples": rows})
    if copied:
        _say_what_is_copied(loaded, rows)


def _say_what_is_copied(run: Run, rows: Sequence[Sample]) -> None:
    for row, passages in zip(rows, run.copied([row.text for row in rows]), strict=True):
        note(f"copied, seed {row.seed}: {'; '.join(map(repr, passages)) or 'nothing'}")


def _printed(row: Sample, until: str | None) -> Sample:
    """Print one of several texts, and return it."""
    if until is None:
        say(f"--- seed {row.seed}\n{row.prompt + row.text}", flush=True)
    else:
        say(row.prompt.lstrip() + row.text + "\n" * (until == "paragraph"), flush=True)
    return row


def _written(
    run: Run, number: int, prompt: str, settings: dict[str, Any], *, is_shown: bool
) -> Iterator[Sample]:
    """Yield samples; a single one may be printed while it is written."""
    from textgen.experiment.entry_result import Sample

    if is_shown:
        say(prompt, end="", flush=True)
        written = ""
        for piece in run.stream(prompt, **settings):
            written += piece
            say(piece, end="", flush=True)
        say()
        texts = [written]
    else:
        texts = run.samples(number, prompt, **settings)
    for place, text in enumerate(texts, settings["seed"]):
        yield Sample(prompt, settings["sampler"], place, text)
