"""Saved studies: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.comparison.kinds import BENCH, BenchKind
from textgen.results.folders import PARTIAL_FILES, RUN_FILES, subfolders
from textgen.results.kinds import About, Kind, about_best

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen_verify.verification import VerificationCheck, VerifiedFiles

RESULT, DATABASE = "study.json", "study.db"
TRIALS = "trials"
"""The folder in a study's with the checkpoints of trials that are not complete."""
TRAINED = "run"
"""The folder with the run that a sampler is tuned for, if the study trained it."""
COMPARISON = "comparison"
"""The folder with the final comparison, whose runs are used again."""


class StudyKind(Kind):
    """A search for the options of an entry or of a sampler."""

    file = RESULT
    field = "trials"
    has_runs = True

    def record(self) -> type:
        from textgen_tuning.result import StudyResult

        return StudyResult

    def files(self) -> tuple[str, ...]:
        """Return the files of a study, those of its database with what SQLite writes next to it."""
        return (
            *super().files(),
            *(f"{DATABASE}{new}{rest}" for new in ("", ".new") for rest in ("", "-journal", "-wal", "-shm")),
            "workers/*.lock",
            *(f"{TRIALS}/*.partial/{file}" for file in PARTIAL_FILES),
            *(f"{TRAINED}/{file}" for file in RUN_FILES),
            *(f"{COMPARISON}/{file}" for file in BenchKind().files()),
        )

    def runs(self, folder: Path) -> list[Path]:
        """Return the run whose sampler is tuned, and those of the final comparison."""
        return [*subfolders(folder), *BenchKind().runs(folder / COMPARISON)]

    def is_unfinished(self, folder: Path) -> bool:
        return (folder / DATABASE).is_file()

    def about(self, values: Mapping[str, Any]) -> About:
        """Return what is tuned, and the better one of the final comparison; a sampler has no score."""
        settings, names = values["settings"], [values["name"]]
        if "run" in settings:  # it is a sampler that is tuned
            settings = settings["run"]["settings"]
            return about_best(names, settings["corpus"], settings["budget"], {})
        best = (values["comparison"] or {}).get("best") or {}
        score = {"name": best.get("name"), "bits_per_char": best.get("value")}
        return about_best(names, settings["corpus"], settings["budget"], score)

    def report(self, result: Any, folder: Path) -> Report:
        from textgen_tuning.report import study_report

        return study_report(result)

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        from textgen_tuning.verification import check_study

        return check_study(files, path, path.parent / COMPARISON / BENCH)
