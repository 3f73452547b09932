"""Saved results verified: each file by its kind, with those that belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.results.header import Header, JudgedHeader
from textgen.results.kinds import kind_in, kind_of, kinds
from textgen.results.names import HAS_PAGE, find
from textgen.results.verification import Disagreement, Verification, VerificationCheck, uncovered, value_kinds
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.json_records import Record, read_record, read_values, to_values
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen.version import __version__


class ResultVerifier:
    """Yields the checks of a saved result, and collects the kinds of values that it has."""

    def __init__(self, path: Path, device: str | None) -> None:
        """Prepare to verify the file `path`, with a device also by its runs.

        Raises `TextgenError` if it is not a result, and `UsageError` if it does not keep runs.
        """
        kind = kind_in(read_values(path), path.name)
        if kind is None:
            raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
        self.path, self.device, self._kind = path, device, kind
        if device is not None and not kind.ranks_runs:
            reason = "only a bench keeps its runs; leave it out"
            raise UsageError(f"--runs has no effect on {str(path)!r}: {reason}")
        self.kinds: set[str] = set()
        """The kinds of values in the files that were read; those of other files begin with their names."""
        self._results: list[tuple[Path, Any]] = []

    def checks(self) -> Iterator[VerificationCheck]:
        """Yield all checks; raises `TextgenError` if a file is damaged or lacks its digest."""
        try:
            yield from self._kind.verify(self, self.path)
            for path, result in self._results:
                yield from self._reports(path.parent, result)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = one_line(error)
            raise TextgenError(f"{str(self.path)!r} is damaged, it cannot be recomputed: {reason}") from error

    def read(self, record: type[Record], path: Path) -> Record:
        """Read a file of the result, whose values are to be checked and whose intervals are of our kind."""
        values = read_record(record, path, needs_digest=True)
        self.kinds.update(map(self.place(path).__add__, value_kinds(to_values(values))))
        if isinstance(values, JudgedHeader) and values.interval_method != INTERVAL_METHOD:
            raise TextgenError(
                f"{str(path)!r} lacks what its intervals were computed from ({values.interval_method}); "
                "measure it again"
            )
        if isinstance(values, Header):
            self._results.append((path, values))
        return values

    def _reports(self, folder: Path, result: Header) -> Iterator[VerificationCheck]:
        """Yield the check of the reports beside a result, if this version has written them."""
        files = [file for name in (MARKDOWN, PAGE) if (file := folder / name).is_file()]
        self.kinds.update(map(self._name, files))
        is_ours = result.versions.get("textgen") == __version__
        reports = kind_of(result).reports(result, folder) if files and is_ours else {}
        made = {self._name(file): reports[file.name] for file in files if file.name in reports}
        saved = {self._name(file): file.read_text("utf-8", errors="replace") for file in files}
        others = [name for name in made if made[name] != saved[name]]
        wrong = tuple(Disagreement(name, "another", "that of the result") for name in others)
        if made:
            yield VerificationCheck("reports", len(made), wrong, covers=tuple(made))

    def _name(self, file: Path) -> str:
        return file.relative_to(self.path.parent).as_posix()

    def place(self, path: Path) -> str:
        """Return what the kinds of values in a file begin with; those of a result in a folder, with that."""
        if path == self.path:
            return ""
        is_result = path.name in {kind.file for kind in kinds().values()}
        return f"{self._name(path.parent if is_result else path)}/"


def verify(
    result: str | Path,
    *,
    runs: bool = False,
    device: str = "auto",
    on_check: Callable[[VerificationCheck], None] = lambda check: None,
) -> Verification:
    """Compute the values of a saved result again, from others in it or from its runs, and name the rest.

    `result` is a file, its folder, part of its name, or `latest`. The rows of a bench are compared with the
    files of its runs, if they are there. With `runs` the text is loaded again too, the saved runs score it on
    `device`, and what they wrote is measured. `on_check` is called after each check. Raises `TextgenError` if
    the result is damaged or lacks its digest.
    """
    if device != "auto" and not runs:
        raise UsageError("device has no effect without runs; leave it out")
    verifier = ResultVerifier(_find_result(Path(result)), device if runs else None)
    checks = []
    for check in verifier.checks():
        checks.append(check)
        on_check(check)
    agrees = not any(check.disagreements for check in checks)
    return Verification(str(verifier.path), agrees, tuple(checks), uncovered(verifier.kinds, checks))


def _find_result(file: Path) -> Path:
    """Return the file of a result, which is given itself, by its folder or by a name."""
    if not file.exists() and file.suffix != ".json":
        return find(str(file), chosen=HAS_PAGE).file
    if not file.is_dir():
        return file
    names = [kind.file for kind in kinds().values() if kind.has_page]
    path = next((file / name for name in names if (file / name).exists()), None)
    if path is None:
        raise TextgenError(f"the folder {str(file)!r} contains no result; give one with {' or '.join(names)}")
    return path
