"""Kinds of results that have a report: drawn on a terminal, in Markdown or as a page, from one document."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.results.kinds import Kind
from textgen.runtime.output import visible_in

if TYPE_CHECKING:
    from rich.console import Console

    from textgen.reports.document import Report


class ReportedKind(Kind):
    """The base class of kinds of results that people read."""

    @abstractmethod
    def report(self, result: Any, folder: Path) -> Report:
        """Return the report of a result, which is saved in `folder`."""

    def page(self, result: Any, folder: Path, *, with_models: bool) -> Report:
        """Return the report that the page is drawn from, perhaps with models.

        Raises `TextgenError` if a file is missing.
        """
        return self.report(result, folder)

    def text(self, result: Any, folder: Path) -> str:
        """Return the report as Markdown."""
        from textgen.reports.markdown import to_markdown

        return to_markdown(self.report(result, folder))

    def draw(self, result: Any, folder: Path, console: Console, *, full: bool) -> str:
        """Draw the report on a terminal, whole or its most important part; return its answer and advice."""
        from textgen.reports.terminal import render

        report = self.report(visible_in(result), folder)
        render(report, console, full=full)
        return "\n".join(filter(None, [report.closing, report.advice and f"next: {report.advice}"]))

    def html(self, result: Any, folder: Path, *, with_models: bool = False) -> str:
        """Return the page; raises `TextgenError` if a file is missing."""
        from textgen.reports.html import to_html

        return to_html(self.page(result, folder, with_models=with_models))
