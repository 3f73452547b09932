"""Recorded results: readable, in agreement with themselves, and as the published schema says."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from typing import Any

import pytest

from helpers.numbers import changed, is_found, is_named, telling_values
from helpers.pages import ROOT
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, read_values
from textgen_suites.effects import rebuild_suite
from textgen_suites.result import SuiteResult
from textgen_tune.result import StudyResult, rebuild_study
from textgen_verify import verify
from textgen_verify.rebuild import rebuild_comparison, rebuild_ladder

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
    checks = verify(path).checks
    assert sum(check.number for check in checks) > 10
    assert [str(each) for check in checks for each in check.differences] == []


@pytest.mark.parametrize(
    ("name", "kind", "rebuild", "least"),
    [
        ("bench-wiki-16m", Comparison, rebuild_comparison, 60),
        ("ladder-german", Ladder, rebuild_ladder, 30),
        ("original-wiki", SuiteResult, rebuild_suite, 25),
        ("tune-wiki-5s", StudyResult, rebuild_study, 10),
    ],
)
def test_a_change_of_any_kind_of_value_is_found_or_named(
    name: str, kind: type[Any], rebuild: Callable[[Any], Any], least: int
) -> None:
    path = RESULTS / f"{name}.json"
    values, (unchecked,) = read_values(path), verify(path).unchecked.values()
    places = telling_values(values)
    found = {each for each, place in places.items() if is_found(kind, rebuild, changed(values, [place]))}
    assert [each for each in places.keys() - found if not is_named(each, unchecked)] == []
    assert len(found) > least


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
