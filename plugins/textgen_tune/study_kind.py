"""Saved studies: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.comparison.bench_kind import BENCH, BenchKind
from textgen.results.result_kind import About, Kind, about_best

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen_verify.compare import Check, SavedFiles

RESULT, DATABASE = "study.json", "study.db"
COMPARISON = "comparison"
"""The folder with the final comparison, whose runs are used again."""


class StudyKind(Kind):
    """A search for the options of an entry."""

    file = RESULT
    field = "trials"
    has_runs = True

    def record(self) -> type:
        from textgen_tune.result import StudyResult

        return StudyResult

    def files(self) -> tuple[str, ...]:
        """Return the files of a study, those of its database with what SQLite writes next to it."""
        return (
            *super().files(),
            *(f"{DATABASE}{rest}" for rest in ("", "-journal", "-wal", "-shm")),
            *(f"{COMPARISON}/{file}" for file in BenchKind().files()),
        )

    def runs(self, folder: Path) -> list[Path]:
        return BenchKind().runs(folder / COMPARISON)

    def is_unfinished(self, folder: Path) -> bool:
        return (folder / DATABASE).is_file()

    def about(self, values: Mapping[str, Any]) -> About:
        """Return the entry that is tuned, and the better one of the final comparison."""
        settings, names = values["settings"], [values["name"]]
        best = (values["comparison"] or {}).get("best") or {}
        score = {"name": best.get("name"), "bits_per_char": best.get("value")}
        return about_best(names, settings["corpus"], settings["budget"], score)

    def report(self, result: Any, folder: Path) -> Report:
        from textgen_tune.report import study_report

        return study_report(result)

    def verify(self, files: SavedFiles, path: Path) -> Iterator[Check]:
        """Yield the checks of a study, and those of its final comparison if that is there."""
        from textgen.results.comparison import Comparison
        from textgen.runtime.storage.json_records import read_record
        from textgen_tune.result import StudyResult, rebuild_final, rebuild_study
        from textgen_verify.results import check_comparison

        study, bench = files.read(StudyResult, path), path.parent / COMPARISON / BENCH
        yield files.compare(path, "its trials", rebuild_study(study))
        if study.comparison is not None and bench.is_file():
            yield from check_comparison(files, bench)
            again = rebuild_final(study.comparison, read_record(Comparison, bench))
            yield files.compare(path, "its final comparison", {"comparison": again})
