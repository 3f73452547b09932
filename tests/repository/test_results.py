"""Recorded results can be read, agree with themselves, have reports, and follow the published schema."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from helpers.numbers import changed, is_found, is_refused, named, telling_values
from helpers.pages import ROOT
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import SCHEMA_VERSION, from_values, read_record, read_values
from textgen_suites.result import SuiteResult
from textgen_suites.verification import verify_suite
from textgen_tuning.result import StudyResult
from textgen_tuning.verification import verify_study
from textgen_verify.rebuilt import verify_ladder
from textgen_verify.verification import VerificationCheck, VerifiedFiles, uncovered
from textgen_verify.verifier import checks_of

RESULTS = ROOT / "benchmarks" / "results"
KINDS = {"entries": Comparison, "rungs": Ladder, "questions": SuiteResult, "trials": StudyResult}
"""The record of each kind of result of a command, by a field that only it has."""
RECORDED = {
    path.stem: kind
    for path in sorted(RESULTS.glob("*.json"))
    for key, kind in KINDS.items()
    if key in json.loads(path.read_text("utf-8"))
}


def test_every_file_has_the_current_schema() -> None:
    versions = {path.name: read_values(path)["schema_version"] for path in RESULTS.glob("*.json")}
    assert {name: version for name, version in versions.items() if version != SCHEMA_VERSION} == {}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_result_agrees_with_itself_and_has_a_report(name: str) -> None:
    path = RESULTS / f"{name}.json"
    result = read_record(RECORDED[name], path, needs_digest=True)
    assert to_markdown(document(result)).startswith("# ")
    checks = list(checks_of(VerifiedFiles(path)))
    assert sum(check.number for check in checks) > 10
    assert [each for check in checks for each in check.disagreements] == []


Verify = Callable[[Any], Iterable[VerificationCheck]]
VERIFIED: list[tuple[str, type[Any], Verify]] = [
    ("ladder-austen", Ladder, verify_ladder),
    ("original-wiki", SuiteResult, verify_suite),
    ("tune-wiki-5s", StudyResult, verify_study),
]


@pytest.mark.parametrize(("name", "kind", "verify"), VERIFIED)
def test_a_change_of_any_kind_of_value_is_found_or_named(name: str, kind: type[Any], verify: Verify) -> None:
    values = read_values(RESULTS / f"{name}.json")
    places = telling_values(values)
    refused = {each for each, place in places.items() if is_refused(kind, changed(values, [place]))}
    left = {
        each
        for each in places.keys() - refused
        if not is_found(kind, verify, changed(values, [places[each]]))
    }
    assert left == named(places, uncovered(places, verify(from_values(kind, values)))) - refused


def fields(schema: dict[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    """Return the fields of each kind of record, and which of them are required; how they are put varies."""
    return {
        name: (sorted(kind["properties"]), sorted(kind.get("required", ())))
        for name, kind in schema["$defs"].items()
    }


def test_the_published_schema_is_that_of_the_results() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "schema.py"))
    published = json.loads(made["PAGE"].read_text("utf-8"))
    assert fields(published) == fields(made["schema"]()), "run make docs"
