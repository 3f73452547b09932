"""Saved comparisons under one budget: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.results.folders import PARTIAL_FILES, RUN_FILES, RUNS_OF_BENCH, identify, is_seeded, subfolders
from textgen.results.guesses import GUESSES
from textgen.results.kinds import About, Kind, VerifiedFiles, about_best
from textgen.runtime.output import visible_in
from textgen.runtime.storage.result_folders import MARKDOWN, RUN_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from textgen.results.comparison import Comparison
    from textgen.results.verification import VerificationCheck

RESULT, DETAILS = "bench.json", "details.json"


class BenchKind(Kind):
    """A comparison of entries under one budget."""

    file = RESULT
    field = "entries"
    has_runs = ranks_runs = has_models = True

    def record(self) -> type:
        """Return the class of the file."""
        from textgen.results.comparison import Comparison

        return Comparison

    def files(self) -> tuple[str, ...]:
        """Return the files of a bench and of its runs."""
        return (
            *super().files(),
            DETAILS,
            GUESSES,
            MARKDOWN,
            *(f"{RUNS_OF_BENCH}/*/{file}" for file in RUN_FILES),
            *(f"{RUNS_OF_BENCH}/*.partial/{file}" for file in PARTIAL_FILES),
        )

    def runs(self, folder: Path) -> list[Path]:
        """Return the runs of its entries and seeds."""
        return subfolders(folder / RUNS_OF_BENCH)

    def is_unfinished(self, folder: Path) -> bool:
        """Return whether all runs in a folder have the names of those of a bench."""
        runs = [run for run in self.runs(folder) if (run / RUN_FILE).is_file()]
        return bool(runs) and all(map(is_seeded, runs))

    def about(self, values: Mapping[str, Any]) -> About:
        """Return its entries, and the best of those that have a score."""
        names = [row["name"] for row in values["entries"]]
        best: Any = min(values["scores"], key=lambda score: score["bits_per_char"], default={})
        return about_best(names, values["corpus"], values["budget"], best)

    def text(self, result: Any, folder: Path) -> str:
        """Return its tables."""
        from textgen.report.markdown import to_markdown

        return to_markdown(result)

    def draw(self, result: Any, folder: Path, console: Console, *, full: bool) -> str:
        """Draw its tables, all or the most important ones; return its answer."""
        from textgen.report.answer import closing
        from textgen.report.terminal import render, render_brief

        (render if full else render_brief)(visible_in(result), console)
        return closing(result)

    def html(self, result: Any, folder: Path, *, with_models: bool = False) -> str:
        """Return its page; raises `TextgenError` without what its runs read and wrote."""
        from textgen.comparison.page_models import page_models
        from textgen.report.html import to_html
        from textgen.results.details import Details
        from textgen.results.guesses import guessed_by_reader
        from textgen.results.items import best_runs
        from textgen.runtime.storage.json_records import read_record

        if not (folder / DETAILS).is_file():
            raise TextgenError(
                f"{str(folder)!r} lacks {DETAILS}, what its runs read and wrote: run the bench again with "
                f"--out {folder}, which reuses the runs"
            )
        found = identify(folder) if with_models else None
        models = page_models(best_runs(found, len(found.runs))) if found else ()
        details = read_record(Details, folder / DETAILS)
        return to_html(result, details, models, guessed_by_reader(folder))

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        """Yield the checks of its numbers, and of those of its runs if they are there."""
        from textgen.results.comparison import Comparison
        from textgen.results.verify_bench import check_method

        result, place = files.read(Comparison, path), files.place(path)
        check_method(result.interval_method, path)
        for check in self._checks(files, result, path.parent):
            yield check.within(place, result.budget if place else "")

    def _checks(self, files: VerifiedFiles, result: Comparison, folder: Path) -> Iterator[VerificationCheck]:
        from textgen.results.details import Details
        from textgen.results.guesses import Guesses
        from textgen.results.verify_bench import verify_comparison
        from textgen.results.verify_runs import has_runs, verify_rows, verify_runs
        from textgen.runtime.device import choose_device

        details = files.read(Details, folder / DETAILS) if (folder / DETAILS).is_file() else None
        if (folder / GUESSES).is_file():  # of readers; nothing tells whether they are right
            files.read(Guesses, folder / GUESSES)
        yield from verify_comparison(result)
        if files.device is not None or has_runs(result, folder):
            yield verify_rows(result, folder)
        if files.device is not None:
            device = choose_device(files.device, "fp32").device
            yield from verify_runs(result, details, folder, device)
