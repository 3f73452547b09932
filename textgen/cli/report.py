"""`textgen report`: the page of a bench, suite or study, written again from its results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json
from textgen.cli.options import Json
from textgen.contracts import TextgenError


def report(
    names: Annotated[
        list[str], typer.Argument(help="Benches, suites or studies: folders, or names of textgen runs.")
    ],
    as_json: Json = False,
) -> None:
    """Write the page of results (report.html) again; it opens in a browser without a network."""
    from textgen.catalog.names import find

    pages = [write_page(find(name, kinds=("bench", "suite", "tune")).path) for name in names]
    if as_json:
        print_json({"pages": [str(page) for page in pages]})
        return
    for page in pages:
        print(page)


def write_page(folder: Path) -> Path:
    """Write the page of a folder and return its path; raises `TextgenError` for one without results."""
    for result, write in {"bench.json": _bench, "suite.json": _suite, "study.json": _study}.items():
        if (folder / result).is_file():
            return write(folder)
    raise TextgenError(f"no results in {str(folder)!r}: give the folder of a bench, a suite or a study")


def _bench(folder: Path) -> Path:
    from textgen.comparison.bench import DETAILS, PAGE, RESULT
    from textgen.comparison.comparison_result import Comparison
    from textgen.comparison.readings import Details
    from textgen.comparison.report.html import to_html
    from textgen.runtime.storage.json_records import read_record

    result = read_record(Comparison, folder / RESULT)
    if not (folder / DETAILS).is_file():
        raise TextgenError(
            f"{str(folder)!r} lacks {DETAILS}, what its runs read and wrote: run the bench again with "
            f"--out {folder}, which reuses the runs"
        )
    return _write(folder / PAGE, lambda: to_html(result, read_record(Details, folder / DETAILS)))


def _suite(folder: Path) -> Path:
    from textgen.runtime.storage.json_records import read_record
    from textgen.suite.run_suite import PAGE, RESULT
    from textgen.suite.suite_page import to_html
    from textgen.suite.suite_result import SuiteResult

    return _write(folder / PAGE, lambda: to_html(read_record(SuiteResult, folder / RESULT)))


def _study(folder: Path) -> Path:
    from textgen.runtime.storage.json_records import read_record
    from textgen.tune.run_study import PAGE, RESULT
    from textgen.tune.study_page import to_html
    from textgen.tune.study_result import StudyResult

    return _write(folder / PAGE, lambda: to_html(read_record(StudyResult, folder / RESULT)))


def _write(path: Path, make: Callable[[], str]) -> Path:
    from textgen.runtime.storage.files import write_file

    write_file(path, make())
    return path
