"""`textgen train`: one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli import options
from textgen.cli.completion import complete_name
from textgen.cli.console import print_summary
from textgen.cli.work import working
from textgen.requests import TrainRequest
from textgen.runtime.output import note

if TYPE_CHECKING:
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
    from textgen.library.presentation import PROMPT, command, first_sample, train_lines, train_remarks
    from textgen.library.training import train_as

    with working(quiet=quiet) as work:
        work.result = train_as(
            request, out, log=log, snapshots=snapshots, report=work.report, refuse=options.refusing(context)
        )
    run: Run = work.result
    if not quiet:
        for remark in train_remarks(run, log):
            note(remark)
    *lines, saved = train_lines(run.folder, run.settings, run.result)
    lines += [*([] if as_json else first_sample(run)), *([] if work.unsaved else [saved])]
    print_summary(run.result, as_json, lines, command("sample", str(run.folder), "--prompt", PROMPT))
    work.close(quiet=quiet, is_said=not as_json)
