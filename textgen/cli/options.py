"""The options that several commands share, and the refusal of options that would have no effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from textgen import defaults
from textgen.cli.completion import (
    complete_entry,
    complete_entry_or_run,
    complete_kind,
    complete_name,
    complete_result,
    complete_words,
)
from textgen.library.options import MAX_SEED, Refuse, field_docs
from textgen.requests import ClusterOptions, SampleOptions, SearchOptions, TextOptions, several
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
    return lambda names, reason: refuse(context, map(_flag, names), reason)


def _flag(name: str) -> str:
    """Return the option of a parameter."""
    return f"--{name.replace('_', '-')}"


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


def list_plugins(paths: Iterable[Path] | None, *, only_list: bool = False) -> None:
    """Add plugins as `load_plugins` does, but run files with parts of entries in other processes only."""
    from textgen.library.components import list_plugin_file
    from textgen.registry.single_file import load_with_configured

    load_with_configured(paths or (), only_list=only_list, load=list_plugin_file)


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
Seed = Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, help="Random seed.")]
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
PANELS = {
    TextOptions: "Text",
    SampleOptions: "Samples",
    SearchOptions: "Search",
    ClusterOptions: "Machines and processes",
}
"""Headings of the options of groups in the help of a command."""
ARGUMENTS = ("entries", "entry", "name")
"""Fields of requests that are arguments."""
DETAILS: dict[str, dict[str, Any]] = {
    "entries": {"show_default": defaults.ENTRIES, "autocompletion": complete_entry},
    "name": {"autocompletion": complete_name("suite")},
    "TrainRequest.entry": {"autocompletion": complete_entry},
    "TuneRequest.entry": {"autocompletion": complete_entry_or_run},
    "seed": {"min": 0, "max": MAX_SEED},
    "seeds": {"min": 1, "max": 1000},
    "SuiteRequest.budget": {"show_default": "the suite's"},
    "SuiteRequest.seeds": {"min": 1, "max": 1000, "show_default": "the suite's"},
    "corpus": {"autocompletion": complete_name("corpus")},
    "clean": {"autocompletion": complete_name("cleaner")},
    "max_chars": {"show_default": "all"},
    "keep_repeats": {"metavar": NO_METAVAR},
    "prompt": {"show_default": "passages of the test text"},
    "sampler": {"autocompletion": complete_name("sampler")},
    "metric": {"show_default": "none", "autocompletion": complete_name("metric")},
    "length": {"min": 1, "max": 10_000_000},
    "search": {"show_default": "all that components recommend"},
    "tune_sampler": {"show_default": "tune the entry", "autocompletion": complete_name("sampler")},
    "trials": {"min": 1, "max": 100_000, "show_default": "30, or unlimited with --timeout"},
    "timeout": {"show_default": "none"},
    "device": {"autocompletion": complete_words("auto", "cpu", "cuda", "mps")},
    "precision": {"autocompletion": complete_words("auto", "fp32", "bf16", "fp16")},
    "processes": {"min": 1},
    "jobs": {"min": 1, "max": 256},
    "on": {"metavar": "NAME[:ADDRESS]", "show_default": "this machine"},
    "cpus_per_run": {"min": 0.1, "max": 1024},
    "gpus_per_run": {"min": 0.0, "max": 64},
}
"""Additions of the command line to fields of requests and groups: completion, bounds, and defaults in words;
`Request.field` is for that of one request."""


@dataclass(frozen=True)
class _Group:
    """A dataclass as options: one for each field that is wanted, also of the groups in it."""

    made: Any
    parts: Mapping[str, inspect.Parameter | _Group]
    """By fields: an option, or the options of a group."""

    def take(self, values: dict[str, Any]) -> Any:
        """Return the dataclass with the values of its options, which are removed; None is the default."""
        taken = {
            name: part.take(values) if isinstance(part, _Group) else values.pop(name)
            for name, part in self.parts.items()
        }
        return self.made(**{name: value for name, value in taken.items() if value is not None})


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter of a command that is a request or a group by an option for each of its fields.

    If only some fields are wanted, their names follow the group in `Annotated`. The help of an option is the
    string after its field.
    """
    hints = get_type_hints(command, include_extras=True)
    parts: dict[str, inspect.Parameter | _Group] = {
        name: _group(hints[name]) or parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(command).parameters.items()
    }

    @wraps(command)
    def flat(**values: Any) -> None:
        groups = {name: part.take(values) for name, part in parts.items() if isinstance(part, _Group)}
        command(**values, **groups)

    parameters = list(_options(parts))
    flat.__dict__["__signature__"] = inspect.Signature(parameters)
    flat.__annotations__ = {each.name: each.annotation for each in parameters}
    return flat


def _options(parts: Mapping[str, inspect.Parameter | _Group]) -> Iterator[inspect.Parameter]:
    for part in parts.values():
        yield from _options(part.parts) if isinstance(part, _Group) else [part]


def _group(hint: Any) -> _Group | None:
    """Return the options of a parameter, or of a field, that is a dataclass; None for another one."""
    made, *wanted = get_args(hint) or (hint,)
    if not is_dataclass(made):
        return None
    hints = get_type_hints(made, include_extras=True)
    chosen = [field for field in fields(made) if field.name in wanted or not wanted]
    return _Group(made, {each.name: _group(hints[each.name]) or _parameter(made, each) for each in chosen})


def _parameter(group: Any, field: Field[Any]) -> inspect.Parameter:
    """Return the option of a field; for Typer, one or several are a list, and an empty default is None."""
    kind: Any
    default: Any
    kind, default = get_type_hints(group)[field.name], field.default
    if kind == Sequence[str]:
        kind, default = list[str] | None, None
    elif Sequence[str] in get_args(kind) or Sequence[str | Path] in get_args(kind):
        kind, default = (list[str], several(default)) if default else (list[str] | None, None)
    details = DETAILS.get(f"{group.__name__}.{field.name}") or DETAILS.get(field.name, {})
    details = {"help": field_docs(group)[field.name], **details}
    if group in PANELS:
        details["rich_help_panel"] = PANELS[group]
    is_argument = field.name in ARGUMENTS
    option = typer.Argument(**details) if is_argument else typer.Option(_flag(field.name), **details)
    return inspect.Parameter(
        field.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[kind, option],
    )


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
