"""`textgen tune`: search the options of an entry, or of a sampler."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, cast

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry_or_run, complete_name
from textgen.cli.console import note, print_document, saved_note, silent
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
    backend_of,
    load_plugins,
    refuse,
    refuse_encoding_of_names,
)
from textgen.contracts import TextgenError
from textgen.runtime.storage.files import NotSavedError
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.distributed.rank_info import refuse_torchrun
from textgen.workers.worker import import_early

if TYPE_CHECKING:
    from textgen.tune.study_result import StudyResult

NUM_TRIALS = 30
NEEDED = ("optuna", "sklearn")


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
    refuse_torchrun()
    import_early("textgen.tune.trials")
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    import optuna

    from textgen.catalog.names import find_run_or_entry
    from textgen.cli.progress import ProgressDisplay
    from textgen.data.corpus import load_corpus
    from textgen.runtime.device import choose_device
    from textgen.training.budget import parse_budget, parse_duration
    from textgen.training.progress import Step
    from textgen.tune.request import Request, made_before
    from textgen.tune.run_study import run_study
    from textgen.tune.study import Study
    from textgen.tune.study_report import to_markdown
    from textgen.tune.trials import Goal

    run = find_run_or_entry(entry)
    if run is not None:
        if tune_sampler is None:
            raise TextgenError(f"{entry!r} is a run; give an entry to tune, or a sampler by --tune-sampler")
        refuse(context, ["--budget"], f"on {entry!r}, a run that is trained already")
        entry = str(run)
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # this process is ours
    limit = None if timeout is None else parse_duration(timeout, "--timeout")

    def name() -> str:
        what = run.name if run else entry
        tuned = [what] if tune_sampler is None else [tune_sampler, what]
        return f"tune-{result_name(tuned, '+'.join(corpus), '' if run else budget, seed)}"

    unsaved: NotSavedError | None = None
    choose_device(device, precision)  # a mistake is reported before a folder is made
    with (
        backend_of(context, on, jobs, cpus_per_run, gpus_per_run) as backend,
        result_folder(out, name) as folder,
        keeping(folder, "study.json", "study"),
        ProgressDisplay(quiet=quiet) as display,
        redirect_stdout(sys.stderr),
    ):
        request = Request(
            entry=entry,
            search=search,
            tune_sampler=tune_sampler,
            budget=parse_budget(budget),
            device_config=choose_device(device, precision, made_before(folder)),
            seed=seed,
            folder=folder,
            backend=backend,
        )
        display(Step("reading the text"))
        text = load_corpus(corpus, clean, split, max_chars, encoding)
        objective = request.objective(text, display)
        goal = Goal(trials or (None if limit else NUM_TRIALS), time.time() + limit if limit else None)
        with Study(folder, objective) as study:
            try:
                result = run_study(
                    study,
                    goal,
                    backend=backend,
                    num_seeds=seeds,
                    max_silence=parse_duration(entry_timeout, "--entry-timeout"),
                    report=display,
                    say=silent if quiet else note,
                )
            except NotSavedError as error:
                if error.result is None:
                    raise
                result, unsaved = cast("StudyResult", error.result), error
    print_document(result, to_markdown(result), as_json, paste=best_name(result))
    if unsaved:
        raise unsaved
    saved_note(folder, quiet=quiet)
    check_completed(result)


def check_completed(result: StudyResult) -> None:
    """Raise `TextgenError` if no trial of a study completed."""
    if result.best is None:
        reasons = [trial.reason for trial in result.trials if trial.reason]
        raise TextgenError(f"no trial completed: {reasons[0] if reasons else '--timeout was too short'}")


def best_name(result: StudyResult) -> str:
    """Return the best entry or sampler of a study, or nothing if no trial completed."""
    return (result.best.name or "") if result.best else ""


def require_optuna() -> None:
    """Raise `TextgenError` if the extra for studies is not installed."""
    if any(find_spec(package) is None for package in NEEDED):
        raise TextgenError('tuning needs Optuna; run: pip install "textgen-bench[tune]"')
