"""Saved suites: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.results.folders import PARTIAL_FILES
from textgen.results.kinds import About, Kind, about_best

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen_verify.verification import VerificationCheck, VerifiedFiles

RESULT, JOBS = "suite.json", "jobs"
JOB = "[0-9a-f]" * 16
"""Pattern of the name of a job's result, a hash."""


class SuiteKind(Kind):
    """Questions about the effects of changes, answered by experiments."""

    file = RESULT
    field = "questions"

    def record(self) -> type:
        from textgen_suites.result import SuiteResult

        return SuiteResult

    def files(self) -> tuple[str, ...]:
        job = f"{JOBS}/{JOB}.json"
        return (*super().files(), job, *(f"{job}.partial/{file}" for file in PARTIAL_FILES))

    def is_unfinished(self, folder: Path) -> bool:
        return any(folder.glob(f"{JOBS}/{JOB}.json"))

    def about(self, values: Mapping[str, Any]) -> About:
        names = (case["entry"] for question in values["questions"] for case in question["cases"])
        return about_best(names, values["corpus"], values["budget"], {})

    def report(self, result: Any, folder: Path) -> Report:
        from textgen_suites.report import suite_report

        return suite_report(result)

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        from textgen_suites.verification import verify_suite

        return verify_suite(files.read(self.record(), path))
