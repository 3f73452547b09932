"""Saved runs: how they are found, listed and shown; they have no page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.results.folders import RUN_FILES
from textgen.results.result_kind import About, Kind, about_best
from textgen.runtime.storage.result_folders import RUN_FILE

if TYPE_CHECKING:
    from textgen.reports.document import Report


class RunKind(Kind):
    """A trained entry with its score."""

    file = RUN_FILE
    has_runs = True
    has_page = False

    def record(self) -> type:
        from textgen.experiment.saved_run import RunManifest

        return RunManifest

    def files(self) -> tuple[str, ...]:
        return RUN_FILES

    def about(self, values: Mapping[str, Any]) -> About:
        """Return its entry, with its score unless it has no rank."""
        result, settings, name = values["result"], values["settings"], values["entry"]["name"]
        score = (result["test"] or result["validation"] or {}) if result["problem"] is None else {}
        return about_best([name], settings["corpus"], settings["budget"], {**score, "name": name})

    def printed(self, result: Any) -> Any:
        return result.result

    def report(self, result: Any, folder: Path) -> Report:
        """Return the report of its score and training."""
        from textgen.library.presentation import run_report

        return run_report(folder, result.settings, result.result, [])
