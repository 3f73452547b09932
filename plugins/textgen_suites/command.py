"""`textgen suite`: the questions of a suite, answered."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

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
    against: Annotated[
        Path | None, typer.Option(help="Recorded suite.json to compare the scores with.", metavar="FILE")
    ] = None,
) -> None:
    """Train the cases of a suite with several seeds and report the effect of each change."""
    options.load_plugins(plugin, "textgen.comparison.entry_job")
    from textgen.runtime.storage.json_records import read_record
    from textgen_suites.report import suite_report
    from textgen_suites.result import SuiteResult
    from textgen_suites.run_suite import suite_as

    recorded = None if against is None else read_record(SuiteResult, against, needs_digest=True)
    with working("jobs/*.json", "run", quiet=quiet) as work:
        work.result = suite_as(request, out, work.report, options.given(context))
    show(work.result, partial(suite_report, recorded=recorded), as_json=as_json)
    work.close(quiet=quiet)
    work.end()
