"""`textgen train`: one entry."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry
from textgen.cli.console import note, print_summary, saved_note
from textgen.cli.interrupts import keeping_checkpoints
from textgen.cli.options import (
    BudgetText,
    Clean,
    Device,
    Encoding,
    Json,
    MaxChars,
    PluginFiles,
    Precision,
    Quiet,
    Seed,
    Sources,
    Split,
    load_plugins,
    refuse,
    refuse_encoding_of_names,
)
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError

if TYPE_CHECKING:
    from textgen.library import Run

OF_NEW_RUNS = ("--corpus", "--clean", "--split", "--max-chars", "--encoding", "--seed", "--log")
"""Options that have no effect on a run whose training continues."""


def train(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(
            help="Such as char-lstm or word-lstm-glove:hidden_size=512; or a run, to continue it.",
            autocompletion=complete_entry,
        ),
    ],
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the run.", show_default="runs/…")
    ] = None,
    log: Annotated[
        str | None,
        typer.Option("--log", help="Log losses and learning rate: tensorboard.", show_default="no log"),
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            "--processes",
            min=1,
            help="Processes that train the model together, each on a GPU of its own or a share of the cores.",
        ),
    ] = 1,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Train and score one entry, or with --budget +2m continue a run; the result is a new run."""
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    from textgen import library
    from textgen.cli.progress import ProgressDisplay
    from textgen.cli.summaries import PROMPT, command, train_lines
    from textgen.experiment.entry import parse_entry
    from textgen.experiment.saved_run import names_run
    from textgen.library.torchrun import is_helper
    from textgen.training.budget import is_timed

    if budget.startswith("+"):
        refuse(context, OF_NEW_RUNS, f"on {entry!r}, a run whose training continues")
    elif names_run(entry):
        raise UsageError(f"{entry!r} is a run: say how much to add to its training, such as --budget +2m")
    elif (parsed := parse_entry(entry)) and not parsed.is_trainable:
        reason = f"on the model {parsed.parts['model']!r}, which is not trained by gradient descent"
        refuse(context, ["--budget", "--precision", "--log", "--processes"], reason)

    unsaved: NotSavedError | None = None
    with (
        keeping_checkpoints(),
        ProgressDisplay(quiet=quiet or is_helper()) as display,
        redirect_stdout(sys.stderr),
    ):
        try:
            run = (
                library.load(entry, device=device, precision=precision).train(
                    budget, out=out, processes=processes, report=display
                )
                if budget.startswith("+")
                else library.train(
                    entry,
                    corpus=corpus,
                    clean=clean,
                    split=split,
                    max_chars=max_chars,
                    encoding=encoding,
                    budget=budget,
                    seed=seed,
                    device=device,
                    precision=precision,
                    out=out,
                    log=log,
                    processes=processes,
                    report=display,
                )
            )
        except NotSavedError as error:
            run, unsaved = cast("Run", error.result), error
    if not quiet and run.result.train.was_disturbed and is_timed(run.settings.budget):
        note(
            f"other work slowed training down (CPU utilization {run.result.train.cpu_utilization:.2f}): "
            "train on an idle machine, or for a number of characters (such as --budget 5Mchars)"
        )
    for remark in () if quiet else run.result.train.remarks:
        note(remark)
    if log is not None and not quiet:
        note(f"look at the log with: tensorboard --logdir {run.folder.parent / log}")
    lines = train_lines(run.folder, run.settings, run.result)
    print_summary(run.result, as_json, lines, command("sample", str(run.folder), PROMPT))
    if unsaved:
        raise unsaved
    if as_json or not sys.stdout.isatty():
        saved_note(run.folder, quiet=quiet)
