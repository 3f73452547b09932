"""Information about plugins: which are installed, what each offers, whether it fulfils its contract.

The help of an option is the string after its field, as for any attribute. Arguments of `__init__`, which
cannot have one, say it in their annotation: `Annotated[int, doc("…")]`, which takes precedence.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import BaseMetadata, DocInfo, Ge, Gt, Le, Lt

from textgen.contracts import TextgenError
from textgen.registry.options import Option, declared_options, write_value
from textgen.registry.registry import KINDS, Plugin, PluginError, find, load, plugins
from textgen.runtime.messages import unknown

if TYPE_CHECKING:
    from textgen.testing import CheckResult

SIGNS: tuple[tuple[type[BaseMetadata], str, str], ...] = (
    (Ge, "ge", "≥"),
    (Gt, "gt", ">"),
    (Le, "le", "≤"),
    (Lt, "lt", "<"),
)


def listing() -> list[dict[str, Any]]:
    """Return the installed plugins by their metadata alone, each with its known problem."""
    return [
        {
            **{key: getattr(plugin, key) for key in ("kind", "name", "distribution", "version", "target")},
            "problem": _problem(plugin),
        }
        for kind in KINDS
        for plugin in plugins(kind)
    ]


def chosen(names: Sequence[str], kind: str | None) -> list[Plugin]:
    """Return the plugins of these names; without a name, all of them. `kind` restricts them to one kind.

    Raises `TextgenError` for an unknown name or kind.
    """
    if kind is not None and kind not in KINDS:
        raise TextgenError(unknown("kind", kind, KINDS))
    everything = [plugin for each in KINDS for plugin in plugins(each) if kind in (None, each)]
    for name in names:
        if not any(plugin.name == name for plugin in everything):
            raise TextgenError(unknown(kind or "plugin", name, {plugin.name for plugin in everything}))
    return [plugin for plugin in everything if not names or plugin.name in names]


def description(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin's description, place and options as JSON values.

    Raises `PluginError` if it cannot be loaded.
    """
    component = load(plugin.kind, plugin.name)
    is_class = inspect.isclass(component)
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
        "options": option_rows(component) if is_class else [],
        "training": training_rows(component) if plugin.kind == "model" else [],
    }


def option_rows(component: type) -> list[dict[str, Any]]:
    """Return the options of a component, each with its type, default and help."""
    helps = dict(_field_docs(component))
    return [
        {
            "option": option.name,
            "type": type_name(option.annotation),
            "default": option.default,
            "search": search_range(option),
            "help": _argument_doc(option) or helps.get(option.name, ""),
        }
        for option in declared_options(component).values()
    ]


def training_rows(model: type) -> list[dict[str, Any]]:
    """Return the training options with a model's defaults; none for one that is not trained by gradient."""
    from textgen.experiment.entry import recommended_training
    from textgen.nn.model_class import ModelClass
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


def checked(
    chosen_plugins: Iterable[Plugin], report: Callable[[Plugin], None]
) -> Iterator[tuple[Plugin, list[CheckResult]]]:
    """Yield plugins with the results of their checks; one that cannot be loaded fails the check `loads`."""
    from textgen.testing import CheckResult, run_checks

    for plugin in chosen_plugins:
        report(plugin)
        try:
            component = load(plugin.kind, plugin.name)
        except PluginError as error:
            yield plugin, [CheckResult("loads", "failed", str(error))]
        else:
            yield plugin, run_checks(plugin.kind, component)


def _problem(plugin: Plugin) -> str | None:
    try:
        find(plugin.kind, plugin.name)
    except PluginError as error:
        return str(error)
    return plugin.problem()


def _place(component: Any) -> tuple[str | None, int | None]:
    component = inspect.unwrap(component)  # of a decorator, such as functools.cache
    try:
        return inspect.getsourcefile(component), inspect.getsourcelines(component)[1]
    except (OSError, TypeError):  # no source, as in a notebook
        return None, None


def _argument_doc(option: Option) -> str:
    parts = [option.annotation, *get_args(option.annotation)]
    infos = [item for part in parts for item in getattr(part, "__metadata__", ())]
    return next((info.documentation for info in infos if isinstance(info, DocInfo)), "")


def _field_docs(component: type) -> Iterator[tuple[str, str]]:
    """Yield the names of class attributes with the string that follows each in the source, bases first."""
    for base in reversed(component.__mro__):
        with suppress(OSError, TypeError, SyntaxError, IndexError):  # no source
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
            statements = body.body if isinstance(body, ast.ClassDef) else []
            for before, after in pairwise(statements):
                if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                    match after:
                        case ast.Expr(value=ast.Constant(value=str(text))):
                            yield before.target.id, " ".join(text.split())
