"""Suites, comparisons declared as data: `textgen suite`, and the path of the TOML file of each bundled one."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

IMPROVEMENTS = str(files(__package__) / "improvements.toml")
LANGUAGES = str(files(__package__) / "languages.toml")
ORIGINAL = str(files(__package__) / "original.toml")
READING_ON = str(files(__package__) / "reading-on.toml")

if TYPE_CHECKING:
    from textgen_suites.run_suite import suite
else:

    def __getattr__(name: str) -> object:  # so that `textgen --help` imports no torch
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("textgen_suites.run_suite"), name)


__all__ = ["suite"]
