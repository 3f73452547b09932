"""Plugins from a single Python file that is not installed, for notebooks and first experiments."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.registry.plugin_kinds import REQUIRED, kinds_of
from textgen.registry.registry import KINDS, Plugin, PluginError, enabled_from, importing, register
from textgen.registry.source_file import SourceFile, read_source
from textgen.runtime.messages import one_line, with_article
from textgen.runtime.storage.files import read_toml


def load_plugin_file(path: Path) -> list[Plugin]:
    """Import a file, enable the components in it and return them.

    A component is a public class of the file that has all methods of one kind. Its name is that of the class
    in lower case, without the kind at its end: `Bigram` and `BigramModel` are both `bigram`. A public
    function that is marked as a command is one, too. A file that is enabled and unchanged is not run again.

    Raises `TextgenError` if the file cannot be read, fails, or contains no component.
    """
    file = read_source(path)
    if known := enabled_from(file):
        return known
    enabled = [
        Plugin(
            kind,
            component_name(name, kind),
            f"{file.module}:{name}",
            file.path.name,
            file.version,
            EntryPoint(component_name(name, kind), f"{file.module}:{name}", KINDS[kind]),
            file,
        )
        for kind, name in _components(path, file)
    ]
    register(enabled)
    return enabled


def _components(path: Path, file: SourceFile) -> list[tuple[str, str]]:
    """Run a file, and return the kind and the name of each component in it; raises `PluginError`."""
    with importing(f"the plugin file {path}"):
        named = vars(file.imported())
        own = [name for name in named if getattr(named[name], "__module__", "") == file.module]
        components = [(kind, name) for name in own if name[0] != "_" for kind in _kinds(named[name])]
    if not components:
        contracts = [f"{with_article(kind)} has {', '.join(methods)}" for kind, methods in REQUIRED.items()]
        contracts.append("a command is a function with @command from textgen.contracts")
        raise PluginError(f"the plugin file {path} contains no component: {'; '.join(contracts)}")
    return components


def _kinds(component: Any) -> list[str]:
    if inspect.isfunction(component):
        return ["command"] if getattr(component, "is_command", False) else []
    return kinds_of(component) if inspect.isclass(component) else []


def configured_plugin_files() -> list[Path]:
    """Return the plugin files of the environment and of the working directory.

    These are `TEXTGEN_PLUGIN_FILES`, separated as in `PATH`, and `plugins = ["mine.py"]` in the table
    `[tool.textgen]` of `pyproject.toml`. Raises `TextgenError` if that cannot be read.
    """
    listed = [Path(name) for name in os.environ.get("TEXTGEN_PLUGIN_FILES", "").split(os.pathsep) if name]
    project = Path("pyproject.toml")
    if not project.is_file():
        return listed
    try:
        tools = read_toml(project).get("tool", {})
        names = tools.get("textgen", {}).get("plugins", [])
    except (OSError, ValueError, AttributeError) as error:
        raise TextgenError(f"cannot read {project}: {one_line(error, with_type=False)}") from None
    if not isinstance(names, list) or not all(isinstance(name, str) and "\0" not in name for name in names):
        raise TextgenError(f'{project}: plugins in [tool.textgen] must be a list of files, as in ["mine.py"]')
    return [*listed, *map(Path, names)]


def component_name(class_name: str, kind: str) -> str:
    """Return the name of a component in a plugin file, made from the name of its class, or of a command."""
    if kind == "command":
        return class_name.lower().strip("_").replace("_", "-")
    return re.sub(rf"(?<=.)_?{kind}$", "", class_name.lower()).replace("_", "")


def load_plugin_files(paths: Iterable[Path]) -> None:
    """Import several files, as `load_plugin_file` does."""
    for path in paths:
        load_plugin_file(path)


def load_with_configured(paths: Iterable[Path]) -> list[Plugin]:
    """Enable the plugins in these files, in those of the environment and of the folder's `pyproject.toml`.

    Return those of `paths`. Raises `TextgenError` if a file cannot be loaded.
    """
    paths = list(paths)
    asked = {path.resolve() for path in paths}
    loaded = []
    for whole, path in {path.resolve(): path for path in [*configured_plugin_files(), *paths]}.items():
        found = load_plugin_file(path)
        loaded += found if whole in asked else []
    return loaded
