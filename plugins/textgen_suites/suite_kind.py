"""Saved suites: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.comparison.bench_kind import BENCH, BenchKind
from textgen.results.result_kind import About, Kind, about_best

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen_verify.compare import Check, SavedFiles

RESULT = "suite.json"
VARIANT = f"*-{'[0-9a-f]' * 8}"
"""Pattern of the folder of a bench in that of a suite."""


class SuiteKind(Kind):
    """Questions about the effects of changes, answered by benches."""

    file = RESULT
    field = "questions"

    def record(self) -> type:
        from textgen_suites.result import SuiteResult

        return SuiteResult

    def files(self) -> tuple[str, ...]:
        return (*super().files(), *(f"{VARIANT}/{file}" for file in BenchKind().files()))

    def runs(self, folder: Path) -> list[Path]:
        return list(chain.from_iterable(map(BenchKind().runs, sorted(folder.glob(VARIANT)))))

    def is_unfinished(self, folder: Path) -> bool:
        benches = folder.glob(VARIANT)
        return any((each / BENCH).is_file() or BenchKind().is_unfinished(each) for each in benches)

    def about(self, values: Mapping[str, Any]) -> About:
        names = (case["entry"] for question in values["questions"] for case in question["cases"])
        return about_best(names, values["corpus"], values["budget"], {})

    def report(self, result: Any, folder: Path) -> Report:
        from textgen_suites.report import suite_report

        return suite_report(result)

    def verify(self, files: SavedFiles, path: Path) -> Iterator[Check]:
        from textgen_suites.effects import rebuild_suite

        yield files.compare(path, "its rows", rebuild_suite(files.read(self.record(), path)))
