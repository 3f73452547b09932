"""`textgen tune`: a search over the options of an entry."""

from __future__ import annotations

import typer

from textgen.cli import options
from textgen.cli.console import show
from textgen.cli.work import working
from textgen_tune import require_optuna
from textgen_tune.request import TuneRequest


@options.grouped
def tune(
    context: typer.Context,
    request: TuneRequest,
    out: options.Out = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    plugin: options.PluginFiles = None,
) -> None:
    """Tune an entry's options on the validation score; rerun with the same --out to resume."""
    require_optuna()
    options.load_plugins(plugin, "textgen_tune.objective")
    from textgen_tune.report import study_report
    from textgen_tune.run_study import tune_as
    from textgen_tune.study_kind import RESULT

    with working(RESULT, "study", quiet=quiet) as work:
        work.result = tune_as(request, out, work.report, options.given(context))
    show(work.result, study_report, as_json=as_json)
    work.close(quiet=quiet)
    _ = work.result.best_trial  # raises an error if no trial completed
