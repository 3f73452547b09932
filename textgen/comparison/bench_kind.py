"""Saved comparisons, under one budget or several: how they are listed, shown and reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.results.folders import PARTIAL_FILES, RUN_FILES, RUNS_OF_BENCH, entry_part, identify, subfolders
from textgen.results.result_kind import About, Kind, about_best
from textgen.runtime.storage.json_records import read_record
from textgen.runtime.storage.result_folders import MARKDOWN, RUN_FILE
from textgen.training.budget import parse_budget

if TYPE_CHECKING:
    from textgen.reports.document import Report

BENCH, LADDER = "bench.json", "ladder.json"
DETAILS = "details.json"
"""What the runs of a bench read and wrote."""


class BenchKind(Kind):
    """A comparison of entries under one budget."""

    file, field = BENCH, "entries"
    has_runs = ranks_runs = has_models = True

    def record(self) -> type:
        from textgen.results.comparison import Comparison

        return Comparison

    def files(self) -> tuple[str, ...]:
        runs = [f"{RUNS_OF_BENCH}/*/{file}" for file in RUN_FILES]
        partial = [f"{RUNS_OF_BENCH}/*.partial/{file}" for file in PARTIAL_FILES]
        return (*super().files(), DETAILS, MARKDOWN, *runs, *partial)

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
        from textgen.results.items import best_runs

        if not (folder / DETAILS).is_file():
            raise TextgenError(
                f"{str(folder)!r} has no {DETAILS} (texts and samples of its runs); rerun the bench with "
                f"--out {folder}, which reuses the runs"
            )
        found = identify(folder) if with_models else None
        models, left_out = page_models(best_runs(found, len(found.runs))) if found else ([], [])
        details = read_record(Details, folder / DETAILS)
        return bench_report(result, details, models, left_out)


class LadderKind(Kind):
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


def _is_budget(name: str) -> bool:
    try:
        return bool(parse_budget(name))
    except TextgenError:
        return False


def _lowest(scores: Iterable[Any]) -> Any:
    """Return the JSON values of the best score; empty without any."""
    return min(scores, key=lambda score: score["bits_per_char"], default={})
