"""Verification of a study: what follows from its trials, and its final comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record
from textgen_tune.result import FinalComparison, StudyResult, conclusion
from textgen_verify.rebuilt import by_part
from textgen_verify.verification import Partial, VerificationCheck, VerifiedFiles, compared
from textgen_verify.verifier import check_comparison


def check_study(files: VerifiedFiles, path: Path, bench: Path) -> Iterator[VerificationCheck]:
    """Yield the checks of a study, and those of its final comparison if the file `bench` is there."""
    study = files.read(StudyResult, path)
    yield from verify_study(study)
    if study.comparison is not None and bench.is_file():
        yield from check_comparison(files, bench)
        yield verify_final(study.comparison, read_record(Comparison, bench))


def verify_study(result: StudyResult) -> Iterator[VerificationCheck]:
    """Yield a check of each part of a study that follows from its trials, or from others."""
    complete = [(trial.value, trial.number, trial) for trial in result.trials if trial.value is not None]
    again = Partial(best=min(complete)[2] if complete else None)
    if made_on := next((trial.machine for trial in result.trials if trial.machine), None):
        again["machine"] = made_on
    final = result.comparison
    if final and final.default.value is not None and final.best.value is not None:
        again["comparison"] = Partial(gain=final.default.value - final.best.value)
    yield from by_part(result, again, (FinalComparison, ["default.value", "best.value"]))


def verify_final(saved: FinalComparison, result: Comparison) -> VerificationCheck:
    """Return the check of the final comparison of a study, whose result is `result`."""
    seeds = tuple(dict.fromkeys(row.seed for row in result.entries))
    again = conclusion(result, saved.default.name, saved.best.name, seeds)
    return compared("values of the final comparison", saved, again).within("comparison.")
