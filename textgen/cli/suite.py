"""`textgen suite`: a comparison that is declared as data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from textgen import defaults
from textgen.cli.completion import complete_name
from textgen.cli.console import note, print_document, saved_note, silent
from textgen.cli.interrupts import keeping
from textgen.cli.options import (
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
    Sources,
    Split,
    backend_of,
    load_plugins,
    refuse,
    refuse_encoding_of_names,
)
from textgen.runtime.storage.files import NotSavedError, slug
from textgen.runtime.storage.result_folders import RUNS, result_folder
from textgen.training.distributed.rank_info import refuse_torchrun
from textgen.workers.worker import import_early

if TYPE_CHECKING:
    from textgen.suite.suite_result import SuiteResult


def suite(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An installed suite, such as improvements, or a TOML file.",
            autocompletion=complete_name("suite"),
        ),
    ],
    corpus: Sources = [defaults.CORPUS],
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Training of each case without a budget of its own: 60s, 5epochs, 20Mchars.",
            show_default="the suite's",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, max=1000, help="Random seeds per case.", show_default="the suite's"),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Runs to train in parallel.")] = 1,
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
    """Train the cases of a suite with several seeds, and say what each change is worth."""
    refuse_torchrun()
    import_early("textgen.suite.job")
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    from textgen.cli.progress import ProgressDisplay
    from textgen.jobs.kept import made_with
    from textgen.runtime.device import choose_device
    from textgen.suite.planner import SuiteOptions
    from textgen.suite.run_suite import JOBS, run_suite
    from textgen.suite.schema import load_suite
    from textgen.suite.suite_report import to_markdown
    from textgen.training.budget import parse_budget, parse_duration

    declared = load_suite(name)
    if all(case.budget for case in declared.cases()):
        refuse(context, ["--budget"], f"on {name!r}, of which every case has a budget of its own")
    has_own_texts = all(case.corpus for case in declared.cases())
    if has_own_texts:
        refuse(context, ["--corpus", "--encoding"], f"on {name!r}, of which every case has a text of its own")
    if budget is not None:
        parse_budget(budget)
    text = "" if has_own_texts else f"-{slug('+'.join(corpus))}"
    folder = out or Path(RUNS, f"suite-{slug(Path(name).stem)}{text}")
    options = SuiteOptions(
        sources=corpus,
        device_config=choose_device(device, precision, made_with(folder, JOBS)),
        split=split,
        encoding=encoding,
        budget=budget,
        seeds=seeds,
        max_chars=max_chars,
        entry_timeout=parse_duration(entry_timeout, "--entry-timeout"),
    )
    unsaved: NotSavedError | None = None
    with (
        backend_of(context, on, jobs, cpus_per_run, gpus_per_run) as backend,
        result_folder(folder, lambda: folder.name),
        keeping(folder, "jobs/*.json", "run"),
        ProgressDisplay(quiet=quiet) as display,
        redirect_stdout(sys.stderr),
    ):
        try:
            options = replace(options, backend=backend)
            result = run_suite(declared, options, folder, display, silent if quiet else note)
        except NotSavedError as error:
            result, unsaved = cast("SuiteResult", error.result), error
    print_document(result, to_markdown(result), as_json)
    if unsaved:
        raise unsaved
    saved_note(folder, quiet=quiet)
