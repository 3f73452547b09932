"""Plugins: which are installed and what each offers; and those of a file.

The help of an option is in its annotation: `Annotated[int, doc("…")]`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import BaseMetadata, DocInfo, Ge, Gt, Le, Lt

from textgen.contracts import TextgenError
from textgen.registry import registry
from textgen.registry.options import Option, declared_options, metadata, write_value
from textgen.registry.registry import KINDS, Plugin, PluginError, find, load
from textgen.runtime.messages import unknown

SIGNS: tuple[tuple[type[BaseMetadata], str, str], ...] = (
    (Ge, "ge", "≥"),
    (Gt, "gt", ">"),
    (Le, "le", "≤"),
    (Lt, "lt", "<"),
)


def plugins(kind: str | None = None) -> list[Plugin]:
    """Return the installed plugins, of all kinds or of `kind`; raises `TextgenError` if it is unknown."""
    if kind is not None and kind not in KINDS:
        raise TextgenError(unknown("kind", kind, KINDS))
    return [plugin for each in KINDS if kind in (None, each) for plugin in registry.plugins(each)]


def load_plugin_file(path: str | Path) -> list[Plugin]:
    """Add the components in the Python file `path`; return them.

    Another process runs the file and says what is in it; this one does when it uses a component itself.
    Raises `TextgenError` if it cannot be loaded.
    """
    from textgen.jobs import plugin_code

    return plugin_code.list_plugin_file(Path(path))


def list_plugin_file(path: Path) -> list[Plugin]:
    """Add the components in a file as `load_plugin_file` does, but none that this process uses unasked."""
    from textgen.jobs import plugin_code

    return plugin_code.list_plugin_file(path, only_asked=True)


def listing() -> list[dict[str, Any]]:
    """Return the installed plugins by their metadata and source, each with its known problem."""
    return [
        {
            **{key: getattr(plugin, key) for key in ("kind", "name", "distribution", "version", "target")},
            "description": _first_line(plugin),
            "problem": _problem(plugin),
        }
        for plugin in plugins()
    ]


def chosen(wanted: Sequence[str], kind: str | None) -> list[Plugin]:
    """Return the plugins of these names; without a name, all of them. `kind` restricts them to one kind.

    Raises `TextgenError` for an unknown name or kind.
    """
    everything = plugins(kind)
    for name in wanted:
        if name.endswith(".py"):
            raise TextgenError(f"{name!r} is a file, not the name of a plugin; give it as --plugin {name}")
        if not any(plugin.name == name for plugin in everything):
            raise TextgenError(unknown(kind or "plugin", name, {plugin.name for plugin in everything}))
    return [plugin for plugin in everything if not wanted or plugin.name in wanted]


def description(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin's description, place and options as JSON values.

    Raises `PluginError` if it cannot be loaded.
    """
    component = load(plugin.kind, plugin.name)
    file, line = _place(component) if callable(component) else (None, None)
    return {
        "kind": plugin.kind,
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "target": plugin.target,
        "file": file,
        "line": line,
        "description": inspect.cleandoc(component.__doc__ or "") if callable(component) else str(component),
        "options": option_rows(component) if inspect.isclass(component) else [],
        "training": training_rows(component) if plugin.kind == "model" else [],
    }


def option_rows(component: type) -> list[dict[str, Any]]:
    """Return the options of a component, each with its type, default and help."""
    return [
        {
            "option": option.name,
            "type": type_name(option.annotation),
            "default": option.default,
            "search": search_range(option),
            "help": _help(option),
        }
        for option in declared_options(component).values()
    ]


def training_rows(model: type) -> list[dict[str, Any]]:
    """Return the training options with a model's defaults; none for one that is not trained by gradient."""
    from textgen.experiment.entry import recommended_training
    from textgen.nn.language_model import ModelClass
    from textgen.training.train_options import TrainOptions

    if not ModelClass(model).is_trainable():
        return []
    recommended = recommended_training(model)
    return [
        row | {"default": recommended.get(row["option"], row["default"])} for row in option_rows(TrainOptions)
    ]


def type_name(annotation: Any) -> str:
    """Return an option's type in words: `int ≥ 1`, `auto | full`, `float > 0 or none`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        base, *metadata = get_args(annotation)
        bounds = [
            f"{sign} {getattr(item, field):g}"
            for item in metadata
            for bound, field, sign in SIGNS
            if isinstance(item, bound)
        ]
        return " ".join([type_name(base), ", ".join(bounds)]).strip()
    if origin in (Union, UnionType):
        return " or ".join(type_name(part) for part in get_args(annotation))
    if origin is Literal:
        return " | ".join(map(str, get_args(annotation)))
    return "none" if annotation is type(None) else str(getattr(annotation, "__name__", annotation))


def search_range(option: Option) -> str:
    """Return the values that `textgen tune` tries, such as `1..4` or `false | true`; empty for none.

    A missing end is that of the valid range.
    """
    search = option.search
    if search is None:
        return ""
    if search.values:
        return " | ".join(write_value(value) for value in search.values)
    if search.low is None and search.high is None:
        return "every value"
    return "..".join("" if end is None else f"{end:g}" for end in (search.low, search.high))


def _problem(plugin: Plugin) -> str | None:
    try:
        find(plugin.kind, plugin.name)
    except PluginError as error:
        return str(error)
    return plugin.problem()


def _first_line(plugin: Plugin) -> str:
    """Return the first line of a plugin's docstring, which is read from its source; empty without one."""
    module, _, name = plugin.target.partition(":")
    top, *rest = module.split(".")
    with suppress(Exception):  # what cannot be found or read is a problem that is told elsewhere
        spec = find_spec(top)
        path = Path(str(spec and spec.origin))
        if rest:
            path = path.parent.joinpath(*rest).with_suffix(".py")
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
                return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _place(component: Any) -> tuple[str | None, int | None]:
    component = inspect.unwrap(component)  # of a decorator, such as functools.cache
    try:
        return inspect.getsourcefile(component), inspect.getsourcelines(component)[1]
    except (OSError, TypeError):  # no source, as in a notebook
        return None, None


def _help(option: Option) -> str:
    """Return the help of an option; empty without one."""
    infos = (item for item in metadata(option.annotation) if isinstance(item, DocInfo))
    return next((info.documentation for info in infos), "")
