"""`textgen train`: one entry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry, complete_name
from textgen.cli.console import print_summary
from textgen.cli.interrupts import keeping_checkpoints
from textgen.cli.options import (
    NO_METAVAR,
    BudgetText,
    Json,
    PluginFiles,
    Quiet,
    Seed,
    grouped,
    load_plugins,
    out_option,
    refusing,
)
from textgen.cli.work import working
from textgen.library.options import ClusterOptions, TextOptions
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
        metavar=NO_METAVAR,
        help="Keep the weights at each validation; short for ENTRY:snapshots=true.",
    ),
]


@grouped
def train(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(
            help="Such as char-lstm or word-lstm-glove:hidden_size=512; or a run, to continue it.",
            autocompletion=complete_entry,
        ),
    ],
    text: Annotated[
        TextOptions, "corpus", "clean", "split", "max_chars", "encoding", "keep_repeats"
    ] = TextOptions(),
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    cluster: Annotated[ClusterOptions, "device", "precision", "processes"] = ClusterOptions(),
    out: Annotated[Path | None, out_option(help="New folder for the run.")] = None,
    log: Log = None,
    snapshots: KeepSnapshots = False,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Train and score one entry, or with --budget +2m continue a run; the result is a new run."""
    load_plugins(plugin)
    from textgen.library import runs
    from textgen.library.corpus import check_encoding
    from textgen.library.presentation import PROMPT, command, train_lines, train_remarks
    from textgen.library.train_processes import check_train, is_helper

    refuse = refusing(context)
    check_encoding(text.sources, refuse)
    check_train(entry, budget, refuse)
    if snapshots:
        entry += f"{',' if ':' in entry else ':'}snapshots=true"
    with working(keeping_checkpoints(), quiet=quiet or is_helper()) as work:
        work.result = runs.train(
            entry,
            text,
            budget=budget,
            seed=seed,
            cluster=cluster,
            out=out,
            log=log,
            report=work.report,
        )
    run: Run = work.result
    if not quiet:
        for remark in train_remarks(run, log):
            note(remark)
    lines = train_lines(run.folder, run.settings, run.result)[: -1 if work.unsaved else None]
    print_summary(run.result, as_json, lines, command("sample", str(run.folder), PROMPT))
    work.close(quiet=quiet, is_said=not as_json)
