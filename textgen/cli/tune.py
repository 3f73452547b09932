"""`textgen tune`: search the options of an entry, or of a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.completion import complete_entry_or_run, complete_name
from textgen.cli.console import print_document
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
    BudgetText,
    Clean,
    CpusPerRun,
    Device,
    Encoding,
    EntryTimeout,
    GpusPerRun,
    Json,
    MaxChars,
    On,
    Out,
    PluginFiles,
    Precision,
    Quiet,
    Seed,
    Sources,
    Split,
    load_plugins,
    refusing,
)
from textgen.cli.work import work
from textgen.library.basics import TextgenError, defaults, prepare
from textgen.library.options import ClusterOptions, SearchOptions, TextOptions, check_shares
from textgen.library.studies import NUM_TRIALS, check_tune, require_optuna
from textgen.library.studies import tune as run_study

if TYPE_CHECKING:
    from textgen.library.presentation import StudyResult


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
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: BudgetText = defaults.BUDGET,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            min=1,
            max=100_000,
            help="Trials of the whole study.",
            show_default=f"{NUM_TRIALS}, or unlimited with --timeout",
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout", help="Start no new trial after this long: 90s, 15m, 2h.", show_default="none"
        ),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            "--search",
            help="What to search, such as learning_rate=1e-4..1e-2,optimizer=muon|adamw,hidden_size.",
            show_default="all that components recommend",
        ),
    ] = None,
    tune_sampler: Annotated[
        str | None,
        typer.Option(
            "--tune-sampler",
            help="Tune this sampler (top-p, or top-p:temperature=1) to write as the author does.",
            show_default="tune the entry",
            autocompletion=complete_name("sampler"),
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Processes that search together.")] = 1,
    seed: Seed = 0,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", min=1, max=1000, help="Random seeds of the final comparison with the default."
        ),
    ] = 3,
    device: Device = "auto",
    precision: Precision = "auto",
    entry_timeout: EntryTimeout = defaults.ENTRY_TIMEOUT,
    on: On = None,
    cpus_per_run: CpusPerRun = 1.0,
    gpus_per_run: GpusPerRun = 0.0,
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

    from textgen.library.corpus import check_encoding
    from textgen.library.presentation import to_markdown

    refuse = refusing(context)
    check_encoding(corpus, refuse)
    run = check_tune(entry, tune_sampler, refuse)
    check_shares(on, refuse)
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # this process is ours
    cluster = ClusterOptions(
        device=device,
        precision=precision,
        jobs=jobs,
        on=on,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
        entry_timeout=entry_timeout,
    )
    done = work(
        lambda report: run_study(
            entry if run is None else str(run),
            TextOptions(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding),
            search=SearchOptions(search=search, tune_sampler=tune_sampler, trials=trials, timeout=timeout),
            budget=budget,
            seeds=range(seed, seed + seeds),
            cluster=cluster,
            out=out,
            report=report,
        ),
        keeping("study.json", "study"),
        quiet=quiet,
    )
    result = done.result
    print_document(result, to_markdown(result), as_json, paste=best_name(result))
    done.close(quiet=quiet)
    if result.best is None:
        reasons = [trial.reason for trial in result.trials if trial.reason]
        raise TextgenError(f"no trial completed: {reasons[0] if reasons else '--timeout was too short'}")


def best_name(result: StudyResult) -> str:
    """Return the best entry or sampler of a study, or nothing if no trial completed."""
    return (result.best.name or "") if result.best else ""
