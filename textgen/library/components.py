"""The installed plugins, and those of a file."""

from __future__ import annotations

from pathlib import Path

from textgen.contracts import TextgenError
from textgen.registry import registry, single_file
from textgen.registry.registry import KINDS, Plugin
from textgen.runtime.messages import unknown


def plugins(kind: str | None = None) -> list[Plugin]:
    """Return the installed plugins, of all kinds or one; raises `TextgenError` for an unknown kind."""
    if kind is not None and kind not in KINDS:
        raise TextgenError(unknown("kind", kind, KINDS))
    return [plugin for each in KINDS if kind in (None, each) for plugin in registry.plugins(each)]


def load_plugin_file(path: str | Path) -> list[Plugin]:
    """Add the components in a Python file; return them. Raises `TextgenError` if it cannot be loaded."""
    return single_file.load_plugin_file(Path(path))
