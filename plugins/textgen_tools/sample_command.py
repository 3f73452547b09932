"""`textgen sample`: what a run writes, one text or a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen import defaults
from textgen.cli import options
from textgen.cli.console import print_json
from textgen.requests import ClusterOptions, SampleOptions
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, say
from textgen_tools import Until, items

if TYPE_CHECKING:
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import Run


@options.grouped
def sample(
    context: typer.Context,
    run: options.RunFolder,
    text: Annotated[str, typer.Argument(help="Text to continue.", show_default=False)] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue, as the second argument.")] = "",
    sampler: options.Sampler = defaults.SAMPLER,
    temperature: options.Temperature = None,
    number: Annotated[
        int, typer.Option("--number", "--count", min=1, max=100_000, help="Samples, from different seeds.")
    ] = 1,
    samples: Annotated[SampleOptions, "length", "spelling"] = SampleOptions(),
    until: Annotated[
        Until | None,
        typer.Option(
            "--until",
            help="End each at the end of its line, sentence or paragraph; leave out those without one.",
            show_default="the length",
        ),
    ] = None,
    unique: Annotated[
        bool, typer.Option("--unique", metavar=options.NO_METAVAR, help="With --until: no text twice.")
    ] = False,
    new: Annotated[
        bool,
        typer.Option(
            "--new", metavar=options.NO_METAVAR, help="With --until: none that the training text has."
        ),
    ] = False,
    label: Annotated[
        str | None,
        typer.Option("--label", help="Write as for this label, such as an author; of runs with --condition."),
    ] = None,
    seed: options.Seed = 0,
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
        bool,
        typer.Option("--keep", metavar=options.NO_METAVAR, help="Also keep the samples in the run's folder."),
    ] = False,
    as_json: options.Json = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Write text with a trained run; a single sample is printed while it is written."""
    options.load_plugins(plugin)
    samples = options.with_temperature(context, replace(samples, sampler=sampler), temperature)
    if text and prompt:
        raise UsageError("give the text to continue once: after the run, or with --prompt")
    if keep and after is not None:
        raise UsageError("samples of a snapshot are not kept; leave out --keep or --after")
    if (unique or new) and until is None:
        raise UsageError("unique and new are of lists: add --until line, sentence or paragraph")
    prompt = prompt or text
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import load

    sampler, length, spelling = str(samples.sampler), samples.length, samples.spelling
    settings: dict[str, Any] = {"length": length, "sampler": sampler, "seed": seed, "spelling": spelling}
    settings["label"] = label
    loaded = load(options.run_folder(run), device=cluster.device, precision=cluster.precision, after=after)
    is_shown = number == 1 and not as_json and until is None
    if until is not None:
        rows = list(items(loaded, number, prompt, until=until, unique=unique, new=new, **settings))
    else:
        texts = [_live(loaded, prompt, settings)] if is_shown else loaded.samples(number, prompt, **settings)
        rows = [Sample(prompt, sampler, seed + index, text) for index, text in enumerate(texts)]
    if keep:
        _keep(loaded, rows)
    if as_json:
        print_json({"samples": rows})
        return
    for row in () if is_shown else rows:
        if until is None:
            say(f"--- seed {row.seed}\n{prompt + row.text}")
        else:
            say(prompt.lstrip() + row.text + "\n" * (until == "paragraph"))


def _live(run: Run, prompt: str, settings: dict[str, Any]) -> str:
    """Return a continuation, which is printed while it is written."""
    say(prompt, end="", flush=True)
    written = ""
    for piece in run.stream(prompt, **settings):
        written += piece
        say(piece, end="", flush=True)
    say()
    return written


def _keep(run: Run, samples: Sequence[Sample]) -> None:
    from textgen.library.runs import keep

    number = keep(run, samples)
    note(f"kept in {run.folder}, with {number} in all; textgen runs show prints them")
