"""`textgen train`, `sample` and `score`: one run, what it writes, and how well it predicts a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli import options
from textgen.cli.completion import complete_name
from textgen.cli.console import print_json, print_summary
from textgen.cli.work import working
from textgen.requests import ClusterOptions, SampleOptions, TextOptions, TrainRequest
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, say
from textgen.runtime.storage.json_records import to_values

if TYPE_CHECKING:
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import Run

Log = Annotated[
    str | None,
    typer.Option(
        "--log",
        help="Logger of losses and learning rate, such as tensorboard.",
        autocompletion=complete_name("logger"),
        show_default="no log",
    ),
]
KeepSnapshots = Annotated[
    bool,
    typer.Option(
        "--snapshots",
        metavar=options.NO_METAVAR,
        help="Keep the weights at each validation; short for ENTRY:snapshots=true.",
    ),
]


@options.grouped
def train(
    context: typer.Context,
    request: TrainRequest,
    out: Annotated[Path | None, options.out_option(help="New folder for the run.")] = None,
    log: Log = None,
    snapshots: KeepSnapshots = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Train and score one entry, or with --budget +2m continue a run; the result is a new run."""
    options.load_plugins(plugin)
    from textgen.library import runs
    from textgen.library.presentation import PROMPT, command, first_sample, train_lines, train_remarks
    from textgen.library.training import is_helper

    with working(quiet=quiet or is_helper()) as work:
        work.result = runs.train_as(
            request, out, log=log, snapshots=snapshots, report=work.report, refuse=options.refusing(context)
        )
    run: Run = work.result
    if not quiet:
        for remark in train_remarks(run, log):
            note(remark)
    *lines, saved = train_lines(run.folder, run.settings, run.result)
    lines += [*([] if as_json else first_sample(run)), *([] if work.unsaved else [saved])]
    print_summary(run.result, as_json, lines, command("sample", str(run.folder), PROMPT))
    work.close(quiet=quiet, is_said=not as_json)


@options.grouped
def sample(
    context: typer.Context,
    run: options.RunFolder,
    text: Annotated[str, typer.Argument(help="Text to continue.", show_default=False)] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue, as the second argument.")] = "",
    sampler: options.Sampler = defaults.SAMPLER,
    temperature: options.Temperature = None,
    number: Annotated[
        int, typer.Option("--number", min=1, max=100_000, help="Samples; each has the next random seed.")
    ] = 1,
    samples: Annotated[SampleOptions, "length", "spelling"] = SampleOptions(),
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
    prompt = prompt or text
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import load

    sampler, length, spelling = str(samples.sampler), samples.length, samples.spelling
    loaded = load(options.run_folder(run), device=cluster.device, precision=cluster.precision, after=after)
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


@options.grouped
def score(
    context: typer.Context,
    run: options.RunFolder,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Texts: paths, corpus names, or - for standard input; joined.",
            autocompletion=complete_name("corpus"),
        ),
    ],
    clean: Annotated[
        str | None,
        typer.Option(
            "--clean",
            help="Cleaner of the text.",
            show_default="the run's",
            autocompletion=complete_name("cleaner"),
        ),
    ] = None,
    text: Annotated[TextOptions, "encoding"] = TextOptions(),
    cluster: options.OnDevice = ClusterOptions(),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character of the whole text."""
    options.load_plugins(plugin)
    from textgen.library.corpus import check_encoding
    from textgen.library.presentation import PROMPT, command, score_lines
    from textgen.library.progress import ProgressDisplay
    from textgen.library.runs import load

    check_encoding(texts, options.refusing(context))
    loaded = load(options.run_folder(run), device=cluster.device, precision="fp32")
    with ProgressDisplay(quiet=quiet) as display:
        scored = loaded.score_sources(texts, clean=clean, encoding=text.encoding, report=display)
    about = {"text": scored.text, "cleaner": scored.cleaner, "num_chars": scored.num_chars}
    record = {**about, **to_values(scored.score), "score_checks": scored.checks}
    lines = score_lines(loaded.entry, scored)
    print_summary(record, as_json, lines, command("sample", str(run), PROMPT))
