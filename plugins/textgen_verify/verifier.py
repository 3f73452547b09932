"""Saved results verified: each by the checks of its kind, with the reports beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from textgen.comparison.kinds import DETAILS
from textgen.contracts import TextgenError
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.reports.reported_kind import ReportedKind
from textgen.results.comparison import Comparison
from textgen.results.header import Header
from textgen.results.kinds import Kind, kind_of, kinds
from textgen.results.ladder import Ladder
from textgen.results.names import HAS_PAGE, find
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.json_records import read_values
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen.version import __version__
from textgen_verify.comparisons import check_comparison, check_ladder
from textgen_verify.verification import Disagreement, VerificationCheck, VerifiedFiles

Check: TypeAlias = Callable[[VerifiedFiles, Path], Iterator[VerificationCheck]]
"""A function that yields the checks of a file."""
CHECKS: Mapping[type, Check] = {Comparison: check_comparison, Ladder: check_ladder}
"""Those of the results of textgen itself, by the types of their records."""
WRITE = 'id="write"'
"""What a page has if it has models."""


def checks_of(files: VerifiedFiles) -> Iterator[VerificationCheck]:
    """Yield all checks of a result: those of its kind, and of the reports beside it.

    Raises `TextgenError` if it is not a result, is damaged or lacks its digest, and `UsageError` if runs
    shall score again that it does not keep.
    """
    path, values = files.path, read_values(files.path)
    shown = [kind for kind in kinds().values() if kind.has_page]
    kind = next((each for each in shown if _is_of(each, values, path.name)), None)
    if kind is None:
        raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
    if files.device is not None and not kind.ranks_runs:
        reason = "only a bench keeps its runs; leave it out"
        raise UsageError(f"--runs has no effect on {str(path)!r}: {reason}")
    check: Check | None = getattr(kind, "verify", None) or CHECKS.get(kind.record())
    try:
        if check:
            yield from check(files, path)
        else:  # what is found is that it is whole
            files.read(kind.record(), path)
        for file, result in files.results:
            yield from _reports(files, file.parent, result)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TextgenError(f"{str(path)!r} is damaged, it cannot be recomputed: {one_line(error)}") from error


def _is_of(kind: Kind, values: Mapping[str, Any], file: str) -> bool:
    """Return whether the JSON values of a file are of a kind, by a field of its own or by its name."""
    return kind.field in values if kind.field else kind.file == file


def _reports(files: VerifiedFiles, folder: Path, result: Header) -> Iterator[VerificationCheck]:
    """Yield the check of the reports beside a result, if this version has written them."""
    found = [file for name in (MARKDOWN, PAGE) if (file := folder / name).is_file()]
    files.kinds.update(map(files.name, found))
    saved = {file.name: file.read_text("utf-8", errors="replace") for file in found}
    is_ours = result.versions.get("textgen") == __version__
    again = _made_again(result, folder, saved) if found and is_ours else {}
    if again:
        names = {name: files.name(folder / name) for name in again}
        others = [names[name] for name in again if again[name] != saved[name]]
        wrong = tuple(Disagreement(name, "another", "that of the result") for name in others)
        yield VerificationCheck("reports", len(again), wrong, covers=tuple(names.values()))


def _made_again(result: Any, folder: Path, saved: Mapping[str, str]) -> dict[str, str]:
    """Return those of the saved reports, by file, that follow from the files beside them, as made again.

    A page with models does not, which nothing else loads here.
    """
    kind = kind_of(result)
    lacks_details = isinstance(result, Comparison) and not (folder / DETAILS).is_file()
    if lacks_details or not isinstance(kind, ReportedKind):
        return {}
    report = kind.page(result, folder, with_models=False)
    again = {MARKDOWN: to_markdown(report)}
    if WRITE not in saved.get(PAGE, ""):
        again[PAGE] = to_html(report)
    return {name: again[name] for name in again if name in saved and name in kind.files()}


def find_result(result: str | Path) -> Path:
    """Return the file of a result, which is given itself, by its folder or by a name."""
    file = Path(result)
    if not file.exists() and file.suffix != ".json":
        return find(str(file), chosen=HAS_PAGE).file
    if not file.is_dir():
        return file
    names = [kind.file for kind in kinds().values() if kind.has_page]
    path = next((file / name for name in names if (file / name).exists()), None)
    if path is None:
        raise TextgenError(f"the folder {str(file)!r} contains no result; give one with {' or '.join(names)}")
    return path
