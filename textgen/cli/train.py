"""`textgen train`: one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli import options
from textgen.cli.console import show
from textgen.cli.work import working
from textgen.contracts import TextgenError
from textgen.library.early_checks import check_early
from textgen.requests import TrainRequest
from textgen.runtime.output import note

if TYPE_CHECKING:
    from textgen.experiment.entry_result import Sample
    from textgen.library.runs import Run

SHOWN_CHARS = 200
"""Characters of the sample at the end of training."""


@options.grouped
def train(
    context: typer.Context,
    request: TrainRequest,
    out: Annotated[
        Path | None, options.out_option(help="New folder, or one with an interrupted run.")
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Train and score one entry, or continue a run with --budget +2m (saved as a new run)."""
    options.load_plugins(plugin)
    check_early(filter(None, [request.entry]), request.text, request.budget)
    from textgen.library.presentation import run_report
    from textgen.library.training import advised, train_as

    with working(quiet=quiet) as work:
        if not request.entry:
            request = advised(request, work.report, options.given(context))
        work.result = train_as(request, out, report=work.report, given=options.given(context))
    run: Run = work.result
    if not quiet:
        for remark in remarks(run):
            note(remark)
    samples = [] if as_json else first_sample(run)
    show(run.result, lambda shown: run_report(run.folder, run.settings, shown, samples), as_json=as_json)
    work.close(quiet=quiet)


def remarks(run: Run) -> Iterator[str]:
    """Yield remarks about a training run."""
    trained = run.result.train
    if trained.disturbance and run.settings.budget.is_timed:
        yield (
            f"other processes slowed training down: it {trained.disturbance}; use an idle machine, or a "
            "budget in characters (such as --budget 5Mchars)"
        )
    yield from trained.remarks


def first_sample(run: Run) -> list[Sample]:
    """Return a short text of a run that has just been trained; none if it cannot write."""
    from textgen.experiment.entry_result import Sample

    with suppress(TextgenError):
        return [Sample("", defaults.SAMPLER, 0, run.sample(length=SHOWN_CHARS))]
    return []
