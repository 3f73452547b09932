"""`textgen bench` and `suite`: several runs, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import typer

from textgen.cli import options
from textgen.cli.console import print_result
from textgen.cli.work import working
from textgen.contracts import TextgenError
from textgen.requests import BenchRequest, SuiteRequest
from textgen.runtime.output import note, results

SOME_FAILED = 3
"""The exit code if some runs failed and others did not."""


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
    options.begin_apart(context, plugin, "textgen.comparison.entry_job")
    from textgen.library import plans

    request = replace(request, samples=options.with_temperature(context, request.samples, temperature))
    with working("**/runs/*", "run", quiet=quiet) as work:
        work.result = plans.bench_as(request, out, work.report, options.refusing(context))
    print_result(work.result, as_json, full=full, folder=work.folder)
    work.close(quiet=quiet, is_said=not as_json and results().isatty())
    if not work.result.runs:
        raise TextgenError("every entry failed; the result says why")
    _end(len(work.result.failures), work.name)


@options.grouped
def suite(
    context: typer.Context,
    request: SuiteRequest,
    out: options.Out = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Train the cases of a suite with several seeds, and say what each change is worth."""
    options.begin_apart(context, plugin, "textgen.suites.planner")
    from textgen.library import plans

    with working("jobs/*.json", "run", quiet=quiet) as work:
        work.result = plans.suite_as(request, out, work.report, options.refusing(context))
    print_result(work.result, as_json, full=True)
    work.close(quiet=quiet)
    _end(len(work.result.failures), work.name)


def _end(num_failed: int, name: str) -> None:
    """End the command with `SOME_FAILED` and a line if runs failed."""
    if num_failed:
        note(f"{num_failed} {name}{'s' * (num_failed > 1)} failed; the result says why")
        raise typer.Exit(SOME_FAILED)
