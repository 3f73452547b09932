"""The options that several commands share, and what the shell completes for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import partial, wraps
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.library.options import Given
from textgen.requests import MAX_SEED, ClusterOptions, Option, SampleOptions, several
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note
from textgen.workers.process import import_early

if TYPE_CHECKING:
    from textgen.registry.registry import Plugin


def given(context: typer.Context) -> Given:
    """Return the options that are on the command line, those left at their defaults not among them."""
    return {
        option.lstrip("-").replace("-", "_"): option
        for parameter in context.command.params
        for option in parameter.opts
        if (source := context.get_parameter_source(str(parameter.name))) and source.name == "COMMANDLINE"
    }


def load_plugins(paths: Iterable[Path] | None, jobs: str = "") -> list[Plugin]:
    """Add the plugins in files and of the configuration; a command calls this before it reads names.

    Return those of the files. `jobs` is the module with what the command computes in other processes, if it
    does; its import begins there.
    """
    if jobs:
        import_early(jobs)
    from textgen.registry.single_file import load_with_configured

    return load_with_configured(paths or ())


def run_folder(name: str | Path) -> Path:
    """Return the folder of the run that a name means, and print it if it is not the name itself."""
    from textgen.results.names import find_run

    folder = find_run(name)
    if folder != Path(name):
        note(f"run {folder}")
    return folder


Complete = Callable[..., list[str]]


def complete_entry(incomplete: str) -> list[str]:
    """Return aliases and `tokenizer-model`, and with a second hyphen the embeddings too."""
    from textgen.registry.registry import names

    entries = ["-".join(pair) for pair in product(names("tokenizer"), names("model"))]
    if incomplete.count("-") > 1:
        entries = ["-".join(pair) for pair in product(entries, names("embedding"))]
    return _starting(incomplete, [*names("alias"), *entries])


def complete_result(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of saved results; those of a kind in a plugin file if `--plugin` precedes them."""
    from textgen.registry.single_file import load_plugin_files
    from textgen.results.names import complete_run

    with suppress(TextgenError):  # which the command says
        load_plugin_files(context.params.get("plugin") or ())
    return complete_run(incomplete)


def complete_entry_or_run(context: typer.Context, incomplete: str) -> list[str]:
    """Return entries, and names of saved runs."""
    return [*complete_entry(incomplete), *complete_result(context, incomplete)]


def complete_kind_of_result(incomplete: str) -> list[str]:
    """Return the kinds of results."""
    from textgen.results.result_kind import kinds

    return _starting(incomplete, kinds())


def complete_name(*of_kinds: str) -> Complete:
    """Return the function that completes the names of some kinds of components; without one, of all kinds."""

    def complete(incomplete: str) -> list[str]:
        from textgen.registry.registry import KINDS, names

        return _starting(incomplete, sorted({name for kind in of_kinds or KINDS for name in names(kind)}))

    return complete


def completion_of(completed: str | Sequence[str]) -> Complete | None:
    """Return the function that completes what an `Option` names; None for nothing."""
    if not isinstance(completed, str):
        return (lambda incomplete: _starting(incomplete, completed)) if completed else None
    entries: dict[str, Complete] = {"entry": complete_entry, "entry or run": complete_entry_or_run}
    return entries.get(completed) or complete_name(completed)


def _starting(incomplete: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]


NO_METAVAR = ""
"""Metavar of a flag, whose type says nothing."""
RunFolder = Annotated[
    Path,
    typer.Argument(
        help="Run or bench (its best run): folder, part of name, or latest.", autocompletion=complete_result
    ),
]
Root = Annotated[Path, typer.Option("--root", help="Folder to search, including its subfolders.")]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Paths, parts of names, or latest.", autocompletion=complete_result),
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
        raise UsageError("--out is empty; give a folder, or leave it out")
    return Path(text)


out_option = partial(typer.Option, "--out", "-o", parser=_folder, metavar="<path>", show_default="runs/…")
"""Return the option with the folder of results, for which the help is given."""
Out = Annotated[
    Path | None, out_option(help="Folder for runs and results; rerun with the same folder to resume.")
]
Full = Annotated[
    bool, typer.Option("--full", metavar=NO_METAVAR, help="Show the whole report in the terminal.")
]
Json = Annotated[bool, typer.Option("--json", metavar=NO_METAVAR, help="Print the result as JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", metavar=NO_METAVAR, help="Suppress progress and notes.")
]
PluginFiles = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file with plugins to add; repeatable.", show_default=False),
]
Sampler = Annotated[
    str, typer.Option("--sampler", help="Sampler, e.g. top-p:p=0.9.", autocompletion=complete_name("sampler"))
]
OnDevice = Annotated[ClusterOptions, "device"]


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

    If only some fields are wanted, their names follow the group in `Annotated`.
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
    return _Group(
        made,
        {each.name: _group(hints[each.name]) or _parameter(made, each, hints[each.name]) for each in chosen},
    )


def _parameter(group: Any, field: Field[Any], hint: Any) -> inspect.Parameter:
    """Return the option of a field; for Typer, one or several are a list, and an empty default is None."""
    kind: Any
    default: Any
    kind, *metadata = get_args(hint)
    details = next(each for each in metadata if isinstance(each, Option))
    default = field.default
    if kind == Sequence[str]:
        kind, default = list[str] | None, None
    elif Sequence[str] in get_args(kind) or Sequence[str | Path] in get_args(kind):
        kind, default = (list[str], several(default)) if default else (list[str] | None, None)
    make = (
        typer.Argument if details.is_argument else partial(typer.Option, f"--{field.name.replace('_', '-')}")
    )
    option = make(
        help=details.help,
        min=details.min,
        max=details.max,
        show_default=details.default or True,
        metavar=NO_METAVAR if kind is bool else details.metavar,
        autocompletion=completion_of(details.completes),
        rich_help_panel=getattr(group, "heading", None),
    )
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
    if "sampler" in given(context):
        raise UsageError("give --sampler or --temperature, not both; samplers have an option temperature=…")
    return replace(samples, sampler=defaults.TEMPERATURE_SAMPLER.format(temperature))
