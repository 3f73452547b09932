"""Plugins that a notebook or a script defines: their code is written to a file, which other processes load.

The file has the class and all that it uses: of the statements of the notebook or script, those that define a
name which is used, the last one for each name.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any, TypeAlias

from textgen.contracts import TextgenError
from textgen.library.components import list_plugin_file
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import make_folder, write_file
from textgen.runtime.storage.result_folders import RUNS

NewPlugin: TypeAlias = str | Path | type[Any]
"""A Python file with plugins, or a class, which may be defined in a cell of a notebook."""
NewPlugins: TypeAlias = NewPlugin | Sequence[NewPlugin]
FOLDER = Path(RUNS) / "plugins"
CELLS = "In"
"""The name under which IPython keeps the code of the cells that were executed."""
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
"""What cells may have."""


def add_plugins(plugins: NewPlugins) -> None:
    """Add plugins as `--plugin` does; raises `TextgenError` if one cannot be loaded, or has no source."""
    for plugin in [plugins] if isinstance(plugins, (str, Path, type)) else plugins:
        if not isinstance(plugin, (str, Path, type)):
            raise UsageError(f"{plugin!r} is not a plugin; give a class, or the path of a file")
        list_plugin_file(file_of(plugin) if isinstance(plugin, type) else Path(plugin))


def file_of(component: type) -> Path:
    """Return the file with a class: that of its module, or one that is written if that is not imported."""
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
            f"the source of {component.__qualname__} cannot be found: define it at the top level of a cell "
            "or script, or give the file that it is in"
        ) from None
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    path = FOLDER / f"{component.__name__.lower()}-{digest}.py"
    if not path.exists():
        make_folder(FOLDER)
        write_file(path, code)
    return path


def source_of(name: str, cells: Iterable[str]) -> str:
    """Return the statements of cells that define a name and all that it uses; raises `LookupError`."""
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
