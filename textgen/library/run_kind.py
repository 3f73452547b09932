"""Saved runs: how they are found, listed and shown; they have no page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.reports.reported_kind import ReportedKind
from textgen.results.folders import RUN_FILES
from textgen.results.kinds import About, about_best
from textgen.runtime.storage.result_folders import RUN_FILE

if TYPE_CHECKING:
    from textgen.reports.document import Report


class RunKind(ReportedKind):
    """A trained entry with its score."""

    file = RUN_FILE
    has_runs = names_folder = True
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

    def text(self, result: Any, folder: Path) -> str:
        from textgen.library.presentation import sample_lines, train_lines

        return "\n".join([*train_lines(folder, result.settings, result.result), *sample_lines(folder)]) + "\n"

    def report(self, result: Any, folder: Path) -> Report:
        from textgen.library.presentation import PROMPT, command, sample_lines, train_lines
        from textgen.reports.document import Code, Report, Section, lines

        answer, *others = train_lines(folder, result.settings, result.result)
        unbroken = [f"next: {command('sample', str(folder), PROMPT)}", *sample_lines(folder)]
        sections = [Section("run", "", [lines(others), *map(Code, unbroken)])]
        return Report(kind="run", result=result, title="", answer=answer, sections=sections)
