"""Verification of the files of a saved result, each with those that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.folders import FILES
from textgen.results.guesses import GUESSES, Guesses
from textgen.results.header import JudgedHeader
from textgen.results.ladder import Ladder
from textgen.results.rebuilt import verify_comparison, verify_ladder, verify_rungs, verify_study, verify_suite
from textgen.results.remeasured import has_runs, verify_rows, verify_runs
from textgen.results.study import FINAL, StudyResult, conclusion
from textgen.results.suite import SuiteResult
from textgen.results.verification import VerificationCheck, compared, number_kinds
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.json_records import read_record, read_values, to_values

Record = TypeVar("Record")
DETAILS = "details.json"


class ResultVerifier:
    """Yields the checks of a saved result, and collects the kinds of numbers that it has."""

    def __init__(self, path: Path, device: str | None) -> None:
        """Prepare to verify the file `path`, with a device also by its runs.

        Raises `TextgenError` if it is not a result, and `UsageError` if it does not keep runs.
        """
        values = read_values(path)
        kinds = [kind for kind in ("entries", "rungs", "questions", "trials") if kind in values]
        if not kinds:
            raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
        self.path, self._kind, self._device = path, kinds[0], device
        if device is not None and self._kind not in ("entries", "rungs"):
            reason = "only a bench keeps its runs; leave it out"
            raise UsageError(f"--runs has no effect on {str(path)!r}: {reason}")
        self.kinds: set[str] = set()
        """The kinds of numbers in the files that were read; those of other files begin with their names."""

    def checks(self) -> Iterator[VerificationCheck]:
        """Yield all checks; raises `TextgenError` if a file is damaged or lacks its digest."""
        verify = {
            "entries": self._bench,
            "rungs": self._ladder,
            "questions": self._suite,
            "trials": self._study,
        }
        try:
            yield from verify[self._kind](self.path)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = one_line(error)
            raise TextgenError(f"{str(self.path)!r} is damaged, it cannot be recomputed: {reason}") from error

    def _read(self, kind: type[Record], path: Path) -> Record:
        """Return a record, whose intervals are of the kind that is computed here."""
        record = read_record(kind, path, needs_digest=True)
        self.kinds.update(map(self._place(path).__add__, number_kinds(to_values(record))))
        if isinstance(record, JudgedHeader) and record.interval_method != INTERVAL_METHOD:
            raise TextgenError(
                f"{str(path)!r} lacks what its intervals were computed from ({record.interval_method}); "
                "measure it again"
            )
        return record

    def _place(self, path: Path) -> str:
        """Return what the kinds of numbers in a file begin with; those of a bench, with its folder."""
        if path == self.path:
            return ""
        file = path.parent if path.name == FILES["bench"] else path
        return f"{file.relative_to(self.path.parent).as_posix()}/"

    def _bench(self, path: Path) -> Iterator[VerificationCheck]:
        result, folder, place = self._read(Comparison, path), path.parent, self._place(path)
        details = self._read(Details, folder / DETAILS) if (folder / DETAILS).is_file() else None
        if (folder / GUESSES).is_file():  # of readers; nothing tells whether they are right
            self._read(Guesses, folder / GUESSES)
        for check in self._of_bench(result, details, folder):
            yield check.within(place, result.budget if place else "")

    def _of_bench(
        self, result: Comparison, details: Details | None, folder: Path
    ) -> Iterator[VerificationCheck]:
        yield from verify_comparison(result)
        if self._device is not None or has_runs(result, folder):
            yield verify_rows(result, folder)
        if self._device is not None:
            device = choose_device(self._device, "fp32").device
            yield from verify_runs(result, details, folder, device)

    def _ladder(self, path: Path) -> Iterator[VerificationCheck]:
        result = self._read(Ladder, path)
        yield from verify_ladder(result)
        files = [path.parent / budget / FILES["bench"] for budget in result.budgets]
        if all(file.is_file() for file in files):
            yield verify_rungs(result, [read_record(Comparison, file) for file in files])
            for file in files:
                yield from self._bench(file)

    def _suite(self, path: Path) -> Iterator[VerificationCheck]:
        yield from verify_suite(self._read(SuiteResult, path))

    def _study(self, path: Path) -> Iterator[VerificationCheck]:
        study, file = self._read(StudyResult, path), path.parent / FINAL / FILES["bench"]
        yield from verify_study(study)
        if (final := study.comparison) is None or not file.exists():
            return
        yield from self._bench(file)
        result = read_record(Comparison, file)
        seeds = tuple(dict.fromkeys(row.seed for row in result.entries))
        again = conclusion(result, final.default.name, final.best.name, seeds)
        yield compared("values of the final comparison", final, again).within("comparison.")
