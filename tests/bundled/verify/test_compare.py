"""Two records compared as JSON values: which places differ, and which only one of them has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from textgen.runtime.storage.json_records import write_record
from textgen_verify.compare import SavedFiles, differences

SAVED = {
    "budget": "2m",
    "rows": [
        {"name": "a", "seed": 0, "bits": [1.0, 2.0], "ranked": True, "best": None},
        {"name": "b", "seed": 1, "bits": [3.0], "ranked": False, "best": 7},
    ],
}


def rows(*values: dict[str, Any]) -> dict[str, Any]:
    return {"rows": list(values)}


@pytest.mark.parametrize(
    ("rebuilt", "places"),
    [
        (SAVED, []),
        ({}, []),
        (rows({}, {}), []),
        (rows({"bits": [1.0, 2.0 + 1e-12]}, {"best": 7}), []),
        (rows({"bits": [1.0, 2.001]}, {}), ["rows[0, a, 0].bits[1]"]),
        (rows({"bits": [1.0]}, {}), ["rows[0, a, 0].bits"]),
        (rows({"ranked": 1}, {"best": 8}), ["rows[0, a, 0].ranked", "rows[1, b, 1].best"]),
        (rows({"best": 7}, {"best": None}), ["rows[0, a, 0].best", "rows[1, b, 1].best"]),
        (rows({}), ["rows"]),
        ({"budget": "3m", "seeds": 2}, ["budget", "seeds"]),
    ],
)
def test_what_differs_is_found(rebuilt: Any, places: list[str]) -> None:
    assert [each.place for each in differences(SAVED, rebuilt)] == places


def test_a_tolerance_is_relative_and_absolute_and_only_the_latter_for_whole_numbers() -> None:
    def differ(saved: float, rebuilt: float) -> bool:
        return any(differences([saved], [rebuilt], (0.1, 2.0)))

    assert [differ(100.0, 109.0), differ(100.0, 120.0), differ(1.0, 2.9)] == [False, True, False]
    assert [differ(100, 102), differ(100, 109)] == [False, True]


@dataclass(frozen=True)
class Votes:
    """A record of the tests."""

    schema_version: int
    votes: dict[str, int]
    days: tuple[dict[str, int], ...]


def test_values_without_a_second_source_are_listed(tmp_path: Path) -> None:
    votes = Votes(3, {"char-lstm": 3, "word-lstm": 5}, ({"day": 1, "number": 3}, {"day": 2, "number": 5}))
    write_record(path := tmp_path / "votes.json", votes)

    def listed(rebuilt: Any) -> tuple[str, ...]:
        files = SavedFiles(path)
        files.read(Votes, path)
        files.compare(path, "the days", rebuilt)
        return files.unchecked.get("votes.json", ())

    assert listed({}) == ("days", "votes")
    assert listed({"votes": {"char-lstm": 3}}) == ("days", "votes.word-lstm")
    assert listed({"days": [{"number": 3}, {}]}) == ("days.day", "days.number", "votes")
    assert listed({"days": [{"number": 3}, {"number": 5}]}) == ("days.day", "votes")
    assert listed({"votes": votes.votes, "days": votes.days}) == ()
