"""Recorded results have the current schema, agree with themselves, and the schema is published."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from helpers.numbers import all_values, changed, is_found, is_refused, kind_of, named, telling_values
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import SCHEMA_VERSION, from_values, read_record, read_values
from textgen_suites.result import SuiteResult
from textgen_suites.verification import verify_suite
from textgen_tune.result import StudyResult
from textgen_tune.verification import verify_study
from textgen_verify.rebuilt import verify_comparison, verify_ladder
from textgen_verify.verification import VerificationCheck, VerifiedFiles, uncovered, value_kinds
from textgen_verify.verifier import checks_of

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
KINDS = {"entries": Comparison, "rungs": Ladder, "questions": SuiteResult, "trials": StudyResult}
KEPT = [
    path
    for path in sorted(RESULTS.glob("*.json"))
    if not KINDS.keys().isdisjoint(json.loads(path.read_text("utf-8")))
]
"""The recorded results of commands."""


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_result_has_the_current_schema(path: Path) -> None:
    values = json.loads(path.read_text("utf-8"))
    assert values["schema_version"] == SCHEMA_VERSION
    for key, kind in KINDS.items():
        if key in values:
            assert isinstance(read_record(kind, path, needs_digest=True), kind)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_recorded_result_agrees_with_what_follows_from_it(path: Path) -> None:
    checks = list(checks_of(VerifiedFiles(path)))
    assert sum(check.number for check in checks) > 10
    assert [each for check in checks for each in check.disagreements] == []


Verify = Callable[[Any], Iterable[VerificationCheck]]
VERIFIED: list[tuple[str, type[Any], Verify]] = [
    ("ladder-austen", Ladder, verify_ladder),
    ("suite-reading-on-wiki", SuiteResult, verify_suite),
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


@pytest.mark.parametrize(
    ("name", "kind", "verify"), [*VERIFIED, ("bench-novels", Comparison, verify_comparison)]
)
def test_a_change_of_any_text_or_flag_at_any_place_is_found_or_named(
    name: str, kind: type[Any], verify: Verify
) -> None:
    values = read_values(RESULTS / f"{name}.json")
    unchecked = uncovered([*value_kinds(values)], verify(from_values(kind, values)))
    places = [place for place, value in all_values(values) if isinstance(value, (str, bool))]
    checked = [place for place in places if not named([kind_of(place)], unchecked)]
    changes = {place: changed(values, [place]) for place in checked if place != ("interval_method",)}
    missed = [
        place
        for place, other in changes.items()
        if not is_refused(kind, other) and not is_found(kind, verify, other)
    ]
    assert (missed, len(places) > len(checked) > 2) == ([], True)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_result_has_a_report(path: Path) -> None:
    values = json.loads(path.read_text("utf-8"))
    for key, kind in KINDS.items():
        if key in values:
            assert to_markdown(document(read_record(kind, path))).startswith("# ")


def fields(schema: dict[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    """The fields of each kind of record, and which of them are required; how they are put varies."""
    return {
        name: (sorted(kind["properties"]), sorted(kind.get("required", ())))
        for name, kind in schema["$defs"].items()
    }


def test_the_published_schema_is_that_of_the_results() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "schema.py"))
    published = json.loads(made["PAGE"].read_text("utf-8"))
    assert fields(published) == fields(made["schema"]()), "run make docs"
    for path in RESULTS.glob("*.json"):
        values = read_values(path)
        for key, kind in KINDS.items():
            if key in values:
                known, required = map(set, fields(published)[kind.__name__])
                assert required <= set(values) <= known  # older ones lack fields that have a default
