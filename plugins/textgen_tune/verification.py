"""Verification of a study: what follows from its trials, and its final comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record
from textgen_tune.result import FinalComparison, StudyResult, conclusion
from textgen_verify.compare import Check, SavedFiles
from textgen_verify.rebuild import Values
from textgen_verify.results import check_comparison


def check_study(files: SavedFiles, path: Path, bench: Path) -> Iterator[Check]:
    """Yield the checks of a study, and those of its final comparison if the file `bench` is there."""
    study = files.read(StudyResult, path)
    yield files.compare(path, "its trials", rebuild_study(study))
    if study.comparison is not None and bench.is_file():
        yield from check_comparison(files, bench)
        again = rebuild_final(study.comparison, read_record(Comparison, bench))
        yield files.compare(path, "its final comparison", {"comparison": again})


def rebuild_study(result: StudyResult) -> Values:
    """Return the values of a study that follow from its trials."""
    complete = [(trial.value, trial.number, trial) for trial in result.trials if trial.value is not None]
    again: Values = {"best": min(complete)[2] if complete else None}
    if made_on := next((trial.machine for trial in result.trials if trial.machine), None):
        again["machine"] = made_on
    final = result.comparison
    if final and final.default.value is not None and final.best.value is not None:
        again["comparison"] = {"gain": final.default.value - final.best.value}
    return again


def rebuild_final(saved: FinalComparison, result: Comparison) -> FinalComparison:
    """Return the final comparison of a study by its result."""
    seeds = tuple(dict.fromkeys(row.seed for row in result.entries))
    return conclusion(result, saved.default.name, saved.best.name, seeds)
