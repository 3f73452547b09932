"""The options that several commands share, and the refusal of options that would have no effect."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from textgen import defaults
from textgen.catalog.names import complete_run
from textgen.cli.completion import complete_device, complete_name, complete_precision
from textgen.runtime.messages import UsageError

if TYPE_CHECKING:
    from textgen.jobs.backends import Backend


def refuse(context: typer.Context, options: Iterable[str], reason: str, advice: str = "leave it out") -> None:
    """Raise `UsageError` for the first of these options that is on the command line.

    `reason` completes the sentence "--split has no effect …".
    """
    given = given_options(context)
    for option in options:
        if option in given:
            raise UsageError(f"{option} has no effect {reason}; {advice}")


def given_options(context: typer.Context) -> set[str]:
    """Return the options that are on the command line, those left at their defaults not among them."""
    return {
        option
        for parameter in context.command.params
        for option in parameter.opts
        if (source := context.get_parameter_source(str(parameter.name))) and source.name == "COMMANDLINE"
    }


def refuse_encoding_of_names(context: typer.Context, sources: Iterable[str]) -> None:
    """Raise `UsageError` if `--encoding` is given and no source is a file, a folder or standard input."""
    from textgen.data.sources import are_names

    sources = list(sources)
    if are_names(sources):
        refuse(context, ["--encoding"], f"on {' and '.join(sources)}, not read from a file")


def backend_of(
    context: typer.Context, on: str | None, num_jobs: int, cpus_per_run: float, gpus_per_run: float
) -> AbstractContextManager[Backend]:
    """Return what computes jobs, to be entered."""
    from textgen.jobs.backends import open_backend

    refuse_shares(context, on)
    return open_backend(on, num_jobs, cpus_per_run, gpus_per_run)


def refuse_shares(context: typer.Context, on: str | None) -> None:
    """Raise `UsageError` if an option shares a cluster without one, or this machine with one."""
    if on is None:
        refuse(context, ["--cpus-per-run", "--gpus-per-run"], "without --on")
    else:
        refuse(context, ["--jobs"], "with --on, which computes as many runs at a time as have room")


def load_plugins(paths: Iterable[Path] | None, *, only_list: bool = False) -> None:
    """Add the plugins in files, each file once; a command calls this before it reads names.

    The files are those of `paths`, of the environment and of the working directory's `pyproject.toml`.
    Raises `TextgenError` if torch could not be imported, unless nothing but a list is wanted.
    """
    from textgen.registry.metadata import check_metadata
    from textgen.registry.single_file import configured_plugin_files, load_plugin_file

    if not only_list:
        check_metadata()
    files = [*configured_plugin_files(), *(paths or ())]
    for path in {path.resolve(): path for path in files}.values():
        load_plugin_file(path)


def samplers_of(context: typer.Context, samplers: list[str], temperature: float | None) -> list[str]:
    """Return the samplers of `--sampler`, or that of `--temperature`, which is short for one.

    Raises `UsageError` if both are given.
    """
    if temperature is None:
        return samplers
    if "--sampler" in given_options(context):
        raise UsageError("give --sampler or --temperature, not both; samplers take temperature=… themselves")
    return [defaults.TEMPERATURE_SAMPLER.format(temperature)]


RunFolder = Annotated[
    Path,
    typer.Argument(
        help="A run or bench: its folder, part of its name, or latest.", autocompletion=complete_run
    ),
]
Sources = Annotated[
    list[str],
    typer.Option(
        "--corpus",
        help="Text: a corpus name (see `textgen corpus`), a path, or - for standard input; repeatable.",
        autocompletion=complete_name("corpus"),
    ),
]
Clean = Annotated[
    str,
    typer.Option(
        "--clean",
        help="Cleaner of the text, such as prose:quotes=false, letters or raw.",
        autocompletion=complete_name("cleaner"),
    ),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        help="Percent for train/validation/test, or train/validation, of each slice of the text; "
        "contiguous:90/5/5 of the text as a whole.",
    ),
]
MaxChars = Annotated[
    int | None,
    typer.Option("--max-chars", help="Use only the first N characters of the text.", show_default="all"),
]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of text files and standard input.")]
BudgetText = Annotated[
    str,
    typer.Option("--budget", help="Training per entry or trial: 60s, 5min, 1h, 5epochs, 20Mchars."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Random seed.")]
Device = Annotated[
    str,
    typer.Option("--device", help="Device: auto, cpu, cuda, cuda:1, mps.", autocompletion=complete_device),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Number format of matmuls: auto, fp32, bf16, fp16.",
        autocompletion=complete_precision,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        help="Short for --sampler temperature:temperature=…; lower is safer, higher more varied.",
        show_default=False,
    ),
]
Spelling = Annotated[
    Literal["words", "none"],
    typer.Option("--spelling", help="With none, word models write no out-of-vocabulary words."),
]
Length = Annotated[int, typer.Option("--length", min=1, max=10_000_000, help="Characters per sample.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder for runs and results; rerun with the same folder to resume.",
        show_default="runs/…",
    ),
]
NO_METAVAR = ""
"""Of a flag, whose type says nothing."""
Full = Annotated[
    bool, typer.Option("--full", metavar=NO_METAVAR, help="Show the whole report on a terminal.")
]
EntryTimeout = Annotated[
    str,
    typer.Option("--entry-timeout", help="End an entry that makes no progress for this long: 90s, 15m, 2h."),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="NAME[:ADDRESS]",
        help="Backend that computes the runs, such as ray (a cluster on this machine) or ray:host:6379.",
        show_default="this machine",
    ),
]
CpusPerRun = Annotated[
    float, typer.Option("--cpus-per-run", min=0.1, max=1024, help="With --on: CPUs of each run.")
]
GpusPerRun = Annotated[
    float, typer.Option("--gpus-per-run", min=0.0, max=64, help="With --on: GPUs of each run, such as 0.5.")
]
Json = Annotated[bool, typer.Option("--json", metavar=NO_METAVAR, help="Print JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar=NO_METAVAR, help="Print no progress and no notes.")
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file with plugins to add; repeatable.", show_default=False),
]
