"""`textgen tune`: search the options of an entry, or of a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry_or_run
from textgen.cli.console import print_result
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
    BudgetText,
    InParallel,
    Json,
    Out,
    PluginFiles,
    Quiet,
    Seed,
    grouped,
    load_plugins,
    refusing,
)
from textgen.cli.work import working
from textgen.contracts import TextgenError
from textgen.library.options import (
    ClusterOptions,
    SearchOptions,
    TextOptions,
    check_shares,
    prepare,
    require_optuna,
)

if TYPE_CHECKING:
    from textgen.results.study import StudyResult


@grouped
def tune(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(
            help="Such as char-lstm; options with a value are not searched. "
            "With --tune-sampler, a run's folder too.",
            autocompletion=complete_entry_or_run,
        ),
    ],
    text: Annotated[
        TextOptions, "corpus", "clean", "split", "max_chars", "encoding", "keep_repeats"
    ] = TextOptions(),
    budget: BudgetText = defaults.BUDGET,
    search: SearchOptions = SearchOptions(),
    seed: Seed = 0,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", min=1, max=1000, help="Random seeds of the final comparison with the default."
        ),
    ] = 3,
    cluster: InParallel = ClusterOptions(),
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Tune an entry's options on the validation score; repeat with the same --out to continue."""
    require_optuna()
    prepare("tune")
    load_plugins(plugin)
    import optuna

    from textgen.library import studies
    from textgen.library.corpus import check_encoding

    refuse = refusing(context)
    check_encoding(text.sources, refuse)
    run = studies.check_tune(entry, search.tune_sampler, refuse)
    check_shares(cluster.on, refuse)
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # this process is ours
    with working(keeping("study.json", "study"), quiet=quiet) as work:
        work.result = studies.tune(
            entry if run is None else str(run),
            text,
            search=search,
            budget=budget,
            seeds=range(seed, seed + seeds),
            cluster=cluster,
            out=out,
            report=work.report,
        )
    result: StudyResult = work.result
    print_result(result, as_json, full=True)
    work.close(quiet=quiet)
    if result.best is None:
        reasons = [trial.reason for trial in result.trials if trial.reason]
        raise TextgenError(f"no trial completed: {reasons[0] if reasons else '--timeout was too short'}")
