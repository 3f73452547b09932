"""Saved comparisons, under one budget or several: how they are listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.reports.reported_kind import ReportedKind
from textgen.results.folders import PARTIAL_FILES, RUN_FILES, RUNS_OF_BENCH, entry_part, identify, subfolders
from textgen.results.guesses import GUESSES
from textgen.results.kinds import About, VerifiedFiles, about_best
from textgen.runtime.storage.json_records import read_record
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE, RUN_FILE
from textgen.training.budget import parse_budget

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen.results.comparison import Comparison
    from textgen.results.verification import VerificationCheck

BENCH, LADDER = "bench.json", "ladder.json"
DETAILS = "details.json"
"""What the runs of a bench read and wrote."""
WRITE = 'id="write"'
"""What the page of a bench has if it has models."""


class BenchKind(ReportedKind):
    """A comparison of entries under one budget."""

    file, field = BENCH, "entries"
    has_runs = ranks_runs = has_models = True

    def record(self) -> type:
        from textgen.results.comparison import Comparison

        return Comparison

    def files(self) -> tuple[str, ...]:
        runs = [f"{RUNS_OF_BENCH}/*/{file}" for file in RUN_FILES]
        partial = [f"{RUNS_OF_BENCH}/*.partial/{file}" for file in PARTIAL_FILES]
        return (*super().files(), DETAILS, GUESSES, MARKDOWN, *runs, *partial)

    def runs(self, folder: Path) -> list[Path]:
        return subfolders(folder / RUNS_OF_BENCH)

    def is_unfinished(self, folder: Path) -> bool:
        """Return whether all runs in a folder have the names of those of a bench."""
        runs = [run for run in self.runs(folder) if (run / RUN_FILE).is_file()]
        return bool(runs) and all(entry_part(run) != run.name for run in runs)

    def about(self, values: Mapping[str, Any]) -> About:
        names = (row["name"] for row in values["entries"])
        return about_best(names, values["corpus"], values["budget"], _lowest(values["scores"]))

    def report(self, result: Any, folder: Path) -> Report:
        from textgen.reports.bench_report import bench_report

        return bench_report(result)

    def page(self, result: Any, folder: Path, *, with_models: bool) -> Report:
        from textgen.comparison.page_models import page_models
        from textgen.reports.bench_report import bench_report
        from textgen.results.details import Details
        from textgen.results.guesses import guessed_by_reader
        from textgen.results.items import best_runs

        if not (folder / DETAILS).is_file():
            raise TextgenError(
                f"{str(folder)!r} lacks {DETAILS}, what its runs read and wrote: run the bench again with "
                f"--out {folder}, which reuses the runs"
            )
        found = identify(folder) if with_models else None
        models, left_out = page_models(best_runs(found, len(found.runs))) if found else ([], [])
        details = read_record(Details, folder / DETAILS)
        return bench_report(result, details, models, left_out, guessed_by_reader(folder))

    def reports(self, result: Any, folder: Path) -> Mapping[str, str]:
        """Return the page and its text; not the page if it has models, which nothing else loads here."""
        from textgen.reports.html import to_html
        from textgen.reports.markdown import to_markdown

        if not (folder / DETAILS).is_file():
            return {}
        report = self.page(result, folder, with_models=False)
        has_models = (folder / PAGE).is_file() and WRITE in (folder / PAGE).read_text("utf-8", "replace")
        return {MARKDOWN: to_markdown(report)} | ({} if has_models else {PAGE: to_html(report)})

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        """Yield the checks of its numbers, and of those of its runs if they are there."""
        from textgen.results.comparison import Comparison

        result, place = files.read(Comparison, path), files.place(path)
        for check in self._checks(files, result, path.parent):
            yield check.within(place, result.budget if place else "")

    def _checks(self, files: VerifiedFiles, result: Comparison, folder: Path) -> Iterator[VerificationCheck]:
        from textgen.comparison.references import verify_references
        from textgen.results.details import Details
        from textgen.results.guesses import Guesses
        from textgen.results.rebuilt import verify_comparison
        from textgen.results.remeasured import has_runs, loaded_again, verify_rows, verify_runs
        from textgen.results.verification import compared
        from textgen.runtime.device import choose_device

        details = files.read(Details, folder / DETAILS) if (folder / DETAILS).is_file() else None
        if (folder / GUESSES).is_file():  # of readers; nothing tells whether they are right
            files.read(Guesses, folder / GUESSES)
        yield from verify_comparison(result)
        if files.device is not None or has_runs(result, folder):
            yield verify_rows(result, folder)
        if files.device is not None:
            corpus = loaded_again(result)
            text = compared("properties of the text", result.corpus, corpus.info).within("corpus.")
            yield text
            if not text.disagreements:
                yield from verify_runs(
                    result, details, corpus, folder, choose_device(files.device, "fp32").device
                )
                yield from verify_references(result, corpus, folder)


class LadderKind(ReportedKind):
    """A comparison of entries under several budgets, each in the folder of a bench."""

    file, field = LADDER, "rungs"
    has_runs = ranks_runs = True

    def record(self) -> type:
        from textgen.results.ladder import Ladder

        return Ladder

    def files(self) -> tuple[str, ...]:
        return (*super().files(), MARKDOWN, *(f"*/{file}" for file in BenchKind().files()))

    def runs(self, folder: Path) -> list[Path]:
        return list(chain.from_iterable(map(BenchKind().runs, subfolders(folder))))

    def is_unfinished(self, folder: Path) -> bool:
        """Return whether a comparison in it that is named by a budget was interrupted."""
        rungs = [each for each in subfolders(folder) if _is_budget(each.name)]
        return any(BenchKind().is_unfinished(each) and not (each / BENCH).exists() for each in rungs)

    def about(self, values: Mapping[str, Any]) -> About:
        """Return its entries, and the best of them under the largest budget."""
        budgets, rungs = values["budgets"], values["rungs"]
        scores = filter(None, (rung["score"] for rung in rungs if rung["budget"] == budgets[-1]))
        names = (rung["entry"] for rung in rungs)
        return about_best(names, values["corpus"], ",".join(budgets), _lowest(scores))

    def report(self, result: Any, folder: Path) -> Report:
        from textgen.reports.ladder_report import ladder_report
        from textgen.results.comparison import Comparison

        bench = folder / result.budgets[-1] / BENCH
        last = read_record(Comparison, bench) if bench.is_file() else None
        return ladder_report(result, last if last and last.corpus == result.corpus else None)

    def reports(self, result: Any, folder: Path) -> Mapping[str, str]:
        return {MARKDOWN: self.text(result, folder), **super().reports(result, folder)}

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        """Yield the checks of its numbers, and those of its benches if they are all there."""
        from textgen.results.comparison import Comparison
        from textgen.results.ladder import Ladder
        from textgen.results.rebuilt import verify_ladder, verify_rungs

        result = files.read(Ladder, path)
        yield from verify_ladder(result)
        benches = [path.parent / budget / BENCH for budget in result.budgets]
        if all(bench.is_file() for bench in benches):
            yield verify_rungs(result, [read_record(Comparison, bench) for bench in benches])
            for bench in benches:
                yield from BenchKind().verify(files, bench)


def _is_budget(name: str) -> bool:
    try:
        return bool(parse_budget(name))
    except TextgenError:
        return False


def _lowest(scores: Iterable[Any]) -> Any:
    """Return the JSON values of the best score; empty without any."""
    return min(scores, key=lambda score: score["bits_per_char"], default={})
