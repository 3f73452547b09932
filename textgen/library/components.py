"""Plugins: the installed ones with their options, and those from a file, a notebook or a script.

The help of an option is in its annotation: `Annotated[int, doc("…")]`. A class defined in a notebook or
script is written to a file that other processes load, together with everything it uses: for each name, the
last statement of the notebook or script that defines it.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from annotated_types import BaseMetadata, DocInfo, Ge, Gt, Le, Lt

from textgen.contracts import TextgenError
from textgen.registry import registry, single_file
from textgen.registry.options import Option, declared_options, metadata, write_value
from textgen.registry.registry import KINDS, Plugin, PluginError, find, load
from textgen.runtime.messages import UsageError, unknown
from textgen.runtime.storage.files import make_folder, write_file
from textgen.runtime.storage.result_folders import RUNS

SIGNS: tuple[tuple[type[BaseMetadata], str, str], ...] = (
    (Ge, "ge", "≥"),
    (Gt, "gt", ">"),
    (Le, "le", "≤"),
    (Lt, "lt", "<"),
)
NewPlugin: TypeAlias = str | Path | type[Any]
"""A Python file with plugins, or a class, which may be defined in a cell of a notebook."""
NewPlugins: TypeAlias = NewPlugin | Sequence[NewPlugin]
FOLDER = Path(RUNS) / "plugins"
CELLS = "In"
"""The name under which IPython keeps the code of the cells that were executed."""
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
"""Compiler flags for cells."""


def plugins(kind: str | None = None) -> list[Plugin]:
    """Return the installed plugins, optionally of one `kind`; raises `TextgenError` if that is unknown."""
    if kind is not None and kind not in KINDS:
        raise TextgenError(unknown("kind", kind, KINDS))
    return [plugin for each in KINDS if kind in (None, each) for plugin in registry.plugins(each)]


def load_plugin_file(path: str | Path) -> list[Plugin]:
    """Register the components in the Python file `path` and return them.

    Raises `TextgenError` if the file cannot be loaded.
    """
    return single_file.load_plugin_file(Path(path))


def listing() -> list[dict[str, Any]]:
    """Return the metadata, description and known problem of each installed plugin, without importing it."""
    return [
        {
            **{key: getattr(plugin, key) for key in ("kind", "name", "distribution", "version", "target")},
            "description": _first_line(plugin),
            "problem": _problem(plugin),
        }
        for plugin in plugins()
    ]


def chosen(wanted: Sequence[str], kind: str | None) -> list[Plugin]:
    """Return the plugins with these names, or all of them without names, optionally of one `kind`.

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
    """Return the description, source location and options of a plugin as JSON values.

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
    """Return the training options with a model's defaults; empty if it is not trained by gradient descent."""
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
    """Return the type of an option in words: `int ≥ 1`, `auto | full`, `float > 0 or none`."""
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

    A missing end means the end of the valid range.
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


def add_plugins(plugins: NewPlugins) -> None:
    """Register plugins as `--plugin` does; raises `TextgenError` if one cannot be loaded or has no source."""
    for plugin in [plugins] if isinstance(plugins, (str, Path, type)) else plugins:
        if not isinstance(plugin, (str, Path, type)):
            raise UsageError(f"{plugin!r} is not a plugin; give a class, or the path of a file")
        load_plugin_file(file_of(plugin) if isinstance(plugin, type) else plugin)


def file_of(component: type) -> Path:
    """Return the file that defines a class: its module, or a new file if it is from a notebook or script."""
    module = sys.modules.get(component.__module__)
    cells = vars(module).get(CELLS) if module else None
    try:
        if not isinstance(cells, list):
            if component.__module__ != "__main__":
                return Path(inspect.getfile(component))
            cells = [inspect.getsource(sys.modules["__main__"])]
        code = source_of(component.__qualname__, cells)
    except (OSError, TypeError, LookupError):
        raise TextgenError(
            f"the source of {component.__qualname__} cannot be found; define it at the top level of a cell "
            "or script, or give its file"
        ) from None
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    path = FOLDER / f"{component.__name__.lower()}-{digest}.py"
    if not path.exists():
        make_folder(FOLDER)
        write_file(path, code)
    return path


def source_of(name: str, cells: Iterable[str]) -> str:
    """Return the code in cells that defines a name and everything it uses; raises `LookupError`."""
    statements, codes = list[ast.stmt](), list[CodeType]()
    for cell in cells:
        with suppress(SyntaxError):  # it failed
            body = ast.parse(cell).body
            codes += [compile(ast.Module([each], []), "cell", "exec", FLAGS, True) for each in body]
            statements += body
    place = {stored: index for index, code in enumerate(codes) for stored in _names(code, "STORE_NAME")}
    future = [each for each in statements if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
    chosen, kept = set[int](), list[ast.stmt](future[:1])

    def keep(index: int) -> None:
        """Keep a statement, after those that it uses."""
        if index not in chosen:
            chosen.add(index)
            for used in sorted({place[each] for each in _used(codes[index]) & place.keys()}):
                keep(used)
            kept.append(statements[index])

    keep(place[name])
    return "\n\n".join(map(ast.unparse, kept)) + "\n"


def _used(code: CodeType) -> set[str]:
    """Return the global names that a code uses, with those of the functions and classes in it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return _names(code, "LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS").union(*map(_used, inner))


def _names(code: CodeType, *operations: str) -> set[str]:
    """Return the names on which a code performs one of these operations."""
    return {str(each.argval) for each in dis.get_instructions(code) if each.opname in operations}
