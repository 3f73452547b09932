"""`textgen bench`: entries trained side by side, and what follows from their runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import typer

from textgen.cli import options
from textgen.cli.console import show
from textgen.cli.work import working
from textgen.contracts import TextgenError
from textgen.library.early_checks import check_early
from textgen.requests import BenchRequest
from textgen.runtime.output import results


@options.grouped
def bench(
    context: typer.Context,
    request: BenchRequest,
    temperature: options.Temperature = None,
    out: options.Out = None,
    full: options.Full = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Train entries side by side on one text and compare scores, samples, speed and size."""
    options.load_plugins(plugin, "textgen.comparison.entry_job")
    check_early(request.entries, request.text, request.budget)
    from textgen.library.bench import bench_as
    from textgen.library.presentation import document

    request = replace(request, samples=options.with_temperature(context, request.samples, temperature))
    with working("**/runs/*", "run", quiet=quiet) as work:
        work.result = bench_as(request, out, work.report, options.given(context))
    show(
        work.result,
        partial(document, folder=work.folder or Path()),
        as_json=as_json,
        full=full,
        folder=work.folder,
    )
    work.close(quiet=quiet, is_said=not as_json and results().isatty())
    if not work.result.runs:
        raise TextgenError("every entry failed; the result lists the reasons")
    work.end()
