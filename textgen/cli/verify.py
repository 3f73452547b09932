"""`textgen verify`: whether the numbers of a saved result follow from what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.catalog.names import complete_run
from textgen.cli.console import print_json, printable
from textgen.cli.options import NO_METAVAR, Device, Json, PluginFiles, load_plugins, refuse
from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line

if TYPE_CHECKING:
    from textgen.comparison.verification import VerificationCheck

FILES = ("bench.json", "suite.json", "study.json")
"""What a folder of results has one of."""


def verify(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A saved bench.json, suite.json or study.json, its folder, part of its name, or latest.",
            autocompletion=complete_run,
        ),
    ],
    runs: Annotated[
        bool,
        typer.Option(
            "--runs",
            metavar=NO_METAVAR,
            help="Also load the text again and score the saved runs of a bench.",
        ),
    ] = False,
    device: Device = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compute the numbers of a saved result again, from the bits of its stretches or from its runs."""
    load_plugins(plugin)
    if not runs:
        refuse(context, ["--device"], "without --runs")
    from textgen.comparison.verification import Verification

    path = find_result(file)
    kind = kind_of(path)
    if kind != "entries":
        refuse(context, ["--runs"], f"on {str(path)!r}: only a bench keeps its runs")
    checks = []
    try:
        for check in checks_of(path, kind, device if runs else None):
            checks.append(check)
            if not as_json:
                print("\n".join(map(printable, check.lines())), flush=True)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TextgenError(f"{str(path)!r} is damaged, it cannot be recomputed: {one_line(error)}") from error
    number = sum(len(check.disagreements) for check in checks)
    if as_json:
        print_json(Verification(str(path), not number, tuple(checks)))
    if number:
        raise TextgenError(f"{number} of the values in {str(path)!r} differ from what they follow from")


def find_result(file: Path) -> Path:
    """Return the file of a result, which is given itself, by its folder or by a name."""
    if not file.exists() and file.suffix != ".json":
        from textgen.catalog.names import find

        return find(str(file), kinds=("bench", "suite", "tune")).file
    if not file.is_dir():
        return file
    found = [file / name for name in FILES if (file / name).exists()]
    if not found:
        raise TextgenError(f"the folder {str(file)!r} contains no result; give one with {' or '.join(FILES)}")
    return found[0]


def kind_of(path: Path) -> str:
    """Return the field that only one kind of result has."""
    from textgen.runtime.storage.json_records import read_values

    values = read_values(path)
    kinds = [kind for kind in ("entries", "questions", "trials") if kind in values]
    if not kinds:
        raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
    return kinds[0]


def checks_of(path: Path, kind: str, device: str | None) -> Iterator[VerificationCheck]:
    """Yield the checks of a result; with a device also those of its runs."""
    if kind == "questions":
        yield from _suite(path)
    elif kind == "trials":
        yield from _study(path)
    else:
        yield from _bench(path, device)


def _suite(path: Path) -> Iterator[VerificationCheck]:
    from textgen.comparison.verify_bench import check_method
    from textgen.runtime.storage.json_records import read_record
    from textgen.suite.suite_result import SuiteResult
    from textgen.suite.verify_suite import verify_suite

    result = read_record(SuiteResult, path)
    check_method(result.interval_method, path)
    yield from verify_suite(result)


def _bench(path: Path, device: str | None) -> Iterator[VerificationCheck]:
    from textgen.comparison.comparison_result import Comparison
    from textgen.comparison.verify_bench import check_method, verify_comparison, verify_runs
    from textgen.runtime.device import choose_device
    from textgen.runtime.storage.json_records import read_record

    result = read_record(Comparison, path)
    check_method(result.interval_method, path)
    yield from verify_comparison(result)
    if device is not None:
        yield from verify_runs(result, path.parent, choose_device(device, "fp32").device)


def _study(path: Path) -> Iterator[VerificationCheck]:
    """Yield the checks of the comparison that a study ends with, which is in a folder of its own."""
    from textgen.comparison.comparison_result import Comparison
    from textgen.runtime.storage.json_records import read_record
    from textgen.tune.final_comparison import FOLDER, verify_final
    from textgen.tune.study_result import StudyResult

    final = read_record(StudyResult, path).comparison
    compared = path.parent / FOLDER / FILES[0]
    if final is None or not compared.exists():
        raise TextgenError(f"{str(path)!r} has no final comparison of entries in {str(compared)!r}")
    yield from _bench(compared, None)
    yield verify_final(final, read_record(Comparison, compared))
