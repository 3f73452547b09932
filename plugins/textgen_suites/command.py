"""`textgen suite`: the questions of a suite, answered."""

from __future__ import annotations

import typer

from textgen.cli import options
from textgen.cli.console import show
from textgen.cli.work import working
from textgen_suites.request import SuiteRequest


@options.grouped
def suite(
    context: typer.Context,
    request: SuiteRequest,
    out: options.Out = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Train the cases of a suite with several seeds and report the effect of each change."""
    options.load_plugins(plugin, "textgen.comparison.entry_job")
    from textgen_suites.report import suite_report
    from textgen_suites.run_suite import suite_as

    with working("jobs/*.json", "run", quiet=quiet) as work:
        work.result = suite_as(request, out, work.report, options.given(context))
    show(work.result, suite_report, as_json=as_json)
    work.close(quiet=quiet)
    work.end()
