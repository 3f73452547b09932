"""Saved results as the records that they were written from."""

from __future__ import annotations

from textgen.catalog.folders import ResultFolder
from textgen.comparison.comparison_result import Comparison
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import RunManifest
from textgen.runtime.storage.json_records import read_record
from textgen.suite.suite_result import SuiteResult
from textgen.tune.study_result import StudyResult

RECORDS: dict[str, type[RunManifest] | type[Comparison] | type[SuiteResult] | type[StudyResult]] = {
    "run": RunManifest,
    "bench": Comparison,
    "suite": SuiteResult,
    "tune": StudyResult,
}
"""By the kind of a result: what its file holds."""


def read_result(found: ResultFolder) -> RunManifest | Comparison | SuiteResult | StudyResult:
    """Return a saved result; raises `TextgenError` if it is damaged, or if its command was interrupted."""
    if not found.is_finished:
        kept = f" and keeps {len(found.runs)} runs" if found.runs else ""
        raise TextgenError(
            f"{str(found.path)!r} was interrupted{kept}, so it has no result; "
            f"the same {found.kind} command with --out {found.path} continues"
        )
    return read_record(RECORDS[found.kind], found.file)
