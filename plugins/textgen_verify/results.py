"""The checks of a saved result: those of its kind, of the results that it was made of, and of its reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from textgen.comparison.bench_kind import BENCH, DETAILS
from textgen.contracts import TextgenError
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.folders import run_folder
from textgen.results.header import Header
from textgen.results.judge import ladder
from textgen.results.ladder import Ladder
from textgen.results.result_kind import kind_of, kinds
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.json_records import read_record, read_values
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen.version import __version__
from textgen_verify.compare import Check, Difference, SavedFiles
from textgen_verify.rebuild import rebuild_comparison, rebuild_ladder
from textgen_verify.rescore import check_run_files, rescore
from textgen_verify.weigh import weigh

WRITE = 'id="write"'
"""What a page has if it has models."""


def check_result(files: SavedFiles) -> Iterator[Check]:
    """Yield all checks of a result and of the reports beside it.

    Raises `TextgenError` if it is not a result, is damaged or has no digest, and `UsageError` if runs shall
    score again that it does not keep.
    """
    path, values = files.path, read_values(files.path)
    shown = [kind for kind in kinds().values() if kind.has_page]
    known = (each for each in shown if (each.field in values if each.field else each.file == path.name))
    if (kind := next(known, None)) is None:
        raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
    if (files.device is not None or files.weighs) and not kind.ranks_runs:
        option = "--weigh" if files.weighs else "--runs"
        raise UsageError(
            f"{option} has no effect on {str(path)!r}: only a bench keeps its runs; leave it out"
        )
    check = getattr(kind, "verify", None) or CHECKS.get(kind.record())
    try:
        if check:
            yield from check(files, path)
        else:  # what is found is that it is whole
            files.read(kind.record(), path)
        for file, result in files.results:
            yield from _reports(files, file.parent, result)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TextgenError(f"{str(path)!r} is damaged and cannot be recomputed: {one_line(error)}") from error


def check_comparison(files: SavedFiles, path: Path) -> Iterator[Check]:
    """Yield the checks of a comparison against its rows, and against its runs if they are there."""
    result, folder = files.read(Comparison, path), path.parent
    details = files.read(Details, folder / DETAILS) if (folder / DETAILS).is_file() else None
    yield files.compare(path, "its rows", rebuild_comparison(result))
    has_runs = all(run_folder(folder, row.name, row.seed).is_dir() for row in result.runs)
    if files.device is not None or has_runs:
        yield check_run_files(files, path, result)
    if files.device is not None:
        yield from rescore(files, path, result, details)
    if files.weighs:
        yield from weigh(files, path, result)


def check_ladder(files: SavedFiles, path: Path) -> Iterator[Check]:
    """Yield the checks of a ladder against its rows, and those of its benches if they are all there."""
    result = files.read(Ladder, path)
    yield files.compare(path, "its rows", rebuild_ladder(result))
    benches = [path.parent / budget / BENCH for budget in result.budgets]
    if all(bench.is_file() for bench in benches):
        again = ladder([read_record(Comparison, bench) for bench in benches], result.command)
        yield files.compare(path, "its benches", again)
        for bench in benches:
            yield from check_comparison(files, bench)


CHECKS = {Comparison: check_comparison, Ladder: check_ladder}
"""The checks of results of textgen itself, by the types of their records."""


def _reports(files: SavedFiles, folder: Path, result: Header) -> Iterator[Check]:
    """Yield a check of each report beside a result, made again, if this version wrote it.

    A page with models cannot be, since nothing else loads models here.
    """
    kind, is_ours = kind_of(result), result.versions.get("textgen") == __version__
    has_details = not isinstance(result, Comparison) or (folder / DETAILS).is_file()
    for file in filter(Path.is_file, (folder / MARKDOWN, folder / PAGE)):
        saved, is_page = file.read_text("utf-8", errors="replace"), file.name == PAGE
        has_models = is_page and WRITE in saved
        if has_models or not (is_ours and has_details and kind.has_page):
            files.reports.append(files.name(file))
            continue
        page = kind.page(result, folder, with_models=False)
        again = to_html(page) if is_page else to_markdown(kind.report(result, folder))
        differs = [Difference("text", "another", "that of the result")] if saved != again else []
        yield Check(files.name(file), "the result", 1, tuple(differs))
