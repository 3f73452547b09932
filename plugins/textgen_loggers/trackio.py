"""Logs for trackio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textgen_loggers.libraries import PROJECT, library


class Trackio:
    """Runs of one project in trackio's own folder, from which its page reads."""

    def __init__(self) -> None:
        self._library = library("trackio", "trackio")

    def open(self, folder: Path) -> None:
        """Begin a run."""
        self._library.init(project=PROJECT, name=folder.name, embed=False)

    def log(self, values: Mapping[str, float], update: int) -> None:
        """Log all values at once."""
        self._library.log(dict(values), step=update)

    def close(self, succeeded: bool) -> None:  # noqa: ARG002
        """End the run."""
        self._library.finish()

    def command(self, folder: Path) -> str:  # noqa: ARG002
        """Return the command that serves the page of the project."""
        return f"trackio show --project {PROJECT}"
