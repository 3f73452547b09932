"""The libraries of the loggers, each of which is an extra of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from textgen.contracts import TextgenError

PROJECT = "textgen"
"""The project or experiment in which runs are logged."""


def library(module: str, extra: str) -> Any:
    """Import and return a module; raises `TextgenError` with the name of its extra if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise TextgenError(
            f'log {extra} is not installed; run: pip install "textgen-bench[{extra}]"'
        ) from error
