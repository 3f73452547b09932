"""`textgen sample`: what a trained run writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli.console import print_json
from textgen.cli.options import (
    NO_METAVAR,
    Json,
    PluginFiles,
    RunFolder,
    Sampler,
    Seed,
    Temperature,
    grouped,
    load_plugins,
    run_folder,
    with_temperature,
)
from textgen.library.options import ClusterOptions, SampleOptions
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, say

if TYPE_CHECKING:
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import Run


@grouped
def sample(
    context: typer.Context,
    run: RunFolder,
    text: Annotated[str, typer.Argument(help="Text to continue.", show_default=False)] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue, as the second argument.")] = "",
    sampler: Sampler = defaults.SAMPLER,
    temperature: Temperature = None,
    number: Annotated[
        int, typer.Option("--number", min=1, max=100_000, help="Samples; each has the next random seed.")
    ] = 1,
    samples: Annotated[SampleOptions, "length", "spelling"] = SampleOptions(),
    seed: Seed = 0,
    after: Annotated[
        int | None,
        typer.Option(
            "--after",
            help="Use the weights after N updates, kept by train --snapshots.",
            show_default="the best",
        ),
    ] = None,
    cluster: Annotated[ClusterOptions, "device", "precision"] = ClusterOptions(),
    keep: Annotated[
        bool, typer.Option("--keep", metavar=NO_METAVAR, help="Also keep the samples in the run's folder.")
    ] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write text with a trained run; a single sample is printed while it is written."""
    load_plugins(plugin)
    samples = with_temperature(context, replace(samples, sampler=sampler), temperature)
    if text and prompt:
        raise UsageError("give the text to continue once: after the run, or with --prompt")
    if keep and after is not None:
        raise UsageError("samples of a snapshot are not kept; leave out --keep or --after")
    prompt = prompt or text
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import load

    sampler, length, spelling = str(samples.sampler), samples.length, samples.spelling
    loaded = load(run_folder(run), device=cluster.device, precision=cluster.precision, after=after)
    if number == 1 and not as_json:
        pieces = loaded.stream(prompt, length=length, sampler=sampler, seed=seed, spelling=spelling)
        say(prompt, end="", flush=True)
        written = ""
        for piece in pieces:
            written += piece
            say(piece, end="", flush=True)
        say()
        if keep:
            _keep(loaded, [Sample(prompt, sampler, seed, written)])
        return
    texts = loaded.samples(number, prompt, length=length, sampler=sampler, seed=seed, spelling=spelling)
    rows = [Sample(prompt, sampler, seed + index, text) for index, text in enumerate(texts)]
    if keep:
        _keep(loaded, rows)
    if as_json:
        print_json({"samples": rows})
        return
    for row in rows:
        say(f"--- seed {row.seed}\n{prompt + row.text}")


def _keep(run: Run, samples: Sequence[Sample]) -> None:
    from textgen.library.runs import keep

    number = keep(run, samples)
    note(f"kept in {run.folder}, with {number} in all; textgen runs show prints them")
