"""The options that several commands share, and the refusal of options that would have no effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, fields, is_dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from textgen import defaults
from textgen.cli.completion import (
    complete_device,
    complete_kind,
    complete_name,
    complete_precision,
    complete_result,
)
from textgen.library.options import (
    ClusterOptions,
    Refuse,
    SampleOptions,
    SearchOptions,
    TextOptions,
    field_docs,
)
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note

if TYPE_CHECKING:
    from textgen.registry.registry import Plugin


def refuse(context: typer.Context, options: Iterable[str], reason: str, advice: str = "leave it out") -> None:
    """Raise `UsageError` for the first of these options that is on the command line.

    `reason` completes the sentence "--split has no effect …".
    """
    given = given_options(context)
    for option in options:
        if option in given:
            raise UsageError(f"{option} has no effect {reason}; {advice}")


def refusing(context: typer.Context) -> Refuse:
    """Return the function by which the library refuses options that are on the command line."""

    return lambda names, reason: refuse(context, [f"--{name.replace('_', '-')}" for name in names], reason)


def given_options(context: typer.Context) -> set[str]:
    """Return the options that are on the command line, those left at their defaults not among them."""
    return {
        option
        for parameter in context.command.params
        for option in parameter.opts
        if (source := context.get_parameter_source(str(parameter.name))) and source.name == "COMMANDLINE"
    }


def load_plugins(paths: Iterable[Path] | None, *, only_list: bool = False) -> list[Plugin]:
    """Add the plugins in files and of the configuration; a command calls this before it reads names.

    Return those of the files.
    """
    from textgen.registry.single_file import load_with_configured

    return load_with_configured(paths or (), only_list=only_list)


def run_folder(name: str | Path) -> Path:
    """Return the folder of the run that a name means, and print it if it is not the name itself."""
    from textgen.results.names import find_run

    folder = find_run(name)
    if folder != Path(name):
        note(f"run {folder}")
    return folder


NO_METAVAR = ""
"""Metavar of a flag, whose type says nothing."""
RunFolder = Annotated[
    Path,
    typer.Argument(
        help="A run or bench: its folder, part of its name, or latest.", autocompletion=complete_result
    ),
]
BudgetText = Annotated[
    str,
    typer.Option("--budget", help="Training per entry or trial: 60s, 5min, 1h, 5epochs, 20Mchars."),
]
Budgets = Annotated[
    str,
    typer.Option(
        "--budget",
        help="Training per entry: 60s, 5min, 1h, 5epochs, 20Mchars, 500updates; or several: 15s,1m,4m.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Random seed.")]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        help="Short for --sampler temperature:temperature=…; lower is safer, higher more varied.",
        show_default=False,
    ),
]


def _folder(text: str) -> Path:
    """Return a path; raises `UsageError` without one, as when a variable of the shell is not set."""
    if not text:
        raise UsageError("--out is empty; name a folder, or leave it out")
    return Path(text)


out_option = partial(typer.Option, "--out", "-o", parser=_folder, metavar="<path>", show_default="runs/…")
"""Return the option with the folder of results, for which the help is given."""
Out = Annotated[
    Path | None, out_option(help="Folder for runs and results; rerun with the same folder to resume.")
]
Full = Annotated[
    bool, typer.Option("--full", metavar=NO_METAVAR, help="Show the whole report on a terminal.")
]
Json = Annotated[bool, typer.Option("--json", metavar=NO_METAVAR, help="Print JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar=NO_METAVAR, help="Print no progress and no notes.")
]
OfKind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="Only plugins of this kind.",
        show_default="all that have the name",
        autocompletion=complete_kind,
    ),
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file with plugins to add; repeatable.", show_default=False),
]
Sampler = Annotated[
    str, typer.Option("--sampler", help="Such as top-p:p=0.9.", autocompletion=complete_name("sampler"))
]
OnDevice = Annotated[ClusterOptions, "device"]
OneByOne = Annotated[
    ClusterOptions, "device", "precision", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
]
InParallel = Annotated[
    ClusterOptions, "device", "precision", "jobs", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
]
PANELS = {
    TextOptions: "Text",
    SampleOptions: "Samples",
    SearchOptions: "Search",
    ClusterOptions: "Machines and processes",
}
"""Headings of the options of groups in the help of a command."""
DETAILS: dict[str, Callable[..., Any]] = {
    "corpus": partial(typer.Option, autocompletion=complete_name("corpus")),
    "clean": partial(typer.Option, autocompletion=complete_name("cleaner")),
    "max_chars": partial(typer.Option, show_default="all"),
    "keep_repeats": partial(typer.Option, metavar=NO_METAVAR),
    "prompt": partial(typer.Option, show_default="passages of the test text"),
    "sampler": partial(typer.Option, autocompletion=complete_name("sampler")),
    "length": partial(typer.Option, min=1, max=10_000_000),
    "search": partial(typer.Option, show_default="all that components recommend"),
    "tune_sampler": partial(
        typer.Option, show_default="tune the entry", autocompletion=complete_name("sampler")
    ),
    "trials": partial(typer.Option, min=1, max=100_000, show_default="30, or unlimited with --timeout"),
    "timeout": partial(typer.Option, show_default="none"),
    "device": partial(typer.Option, autocompletion=complete_device),
    "precision": partial(typer.Option, autocompletion=complete_precision),
    "processes": partial(typer.Option, min=1),
    "jobs": partial(typer.Option, min=1, max=256),
    "on": partial(typer.Option, metavar="NAME[:ADDRESS]", show_default="this machine"),
    "cpus_per_run": partial(typer.Option, min=0.1, max=1024),
    "gpus_per_run": partial(typer.Option, min=0.0, max=64),
}
"""Additions of the command line to the options of groups: completion, bounds, and defaults in words."""


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter of a command that is a group by an option for each field of the group.

    If only some fields are wanted, their names follow the group in `Annotated`. The help of an option is the
    string after its field.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[Any, list[str]]] = {}
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        group, *wanted = get_args(hints[name]) or (hints[name],)
        if not is_dataclass(group):
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        chosen = [field for field in fields(group) if field.name in wanted or not wanted]
        groups[name] = group, [field.name for field in chosen]
        parameters += [_parameter(group, field) for field in chosen]

    @wraps(command)
    def flat(**values: Any) -> None:
        for name, (group, names) in groups.items():
            given = {each: values.pop(each) for each in names}
            values[name] = group(**{each: value for each, value in given.items() if value is not None})
        command(**values)

    flat.__dict__["__signature__"] = inspect.Signature(parameters)
    flat.__annotations__ = {each.name: each.annotation for each in parameters}
    return flat


def _parameter(group: Any, field: Field[Any]) -> inspect.Parameter:
    """Return the option of a field; for Typer, one or several are a list, and an empty default is None."""
    kind, default = get_type_hints(group)[field.name], field.default
    if Sequence[str] in get_args(kind) or Sequence[str | Path] in get_args(kind):
        kind, default = (list[str], [default]) if default else (list[str] | None, None)
    option: Callable[..., Any] = DETAILS.get(field.name, typer.Option)
    flag, either = f"--{field.name.replace('_', '-')}", inspect.Parameter.POSITIONAL_OR_KEYWORD
    details = {"help": field_docs(group)[field.name], "rich_help_panel": PANELS[group]}
    annotation: Any = Annotated[kind, option(flag, **details)]
    return inspect.Parameter(field.name, either, default=default, annotation=annotation)


def with_temperature(
    context: typer.Context, samples: SampleOptions, temperature: float | None
) -> SampleOptions:
    """Return samples by the sampler of `--temperature`, which is short for one, if it is given.

    Raises `UsageError` if `--sampler` is given too.
    """
    if temperature is None:
        return samples
    if "--sampler" in given_options(context):
        raise UsageError("give --sampler or --temperature, not both; samplers take temperature=… themselves")
    return replace(samples, sampler=defaults.TEMPERATURE_SAMPLER.format(temperature))
