"""Damaged and hostile files, odd words and command lines: the short version of `textgen_benchmarks.fuzz`."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from textgen_benchmarks.fuzz import GOOD
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.worker import KINDS, tried

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::textgen.contracts.TextgenWarning")]
NUM_CASES = {"samplers": 40, "values": 40}
"""Six of the other kinds."""
IN_PROCESS = [kind.name for kind in KINDS.values() if kind.seconds <= 10]
"""Kinds whose cases are quick and need no process of their own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@cache
def prepared(kind: Kind, folder: Path) -> Path:
    """Return the folder with what the cases of a kind start from, which others may share."""
    made = folder / kind.prepare.__name__
    if not made.exists():
        made.mkdir()
        kind.prepare(made)
    return made


@pytest.mark.parametrize("name", IN_PROCESS)
def test_every_case_is_right_or_refused_by_a_line(name: str, folder: Path, tmp_path: Path) -> None:
    kind = KINDS[name]
    failures = []
    for number in range(NUM_CASES.get(name, 6)):
        place = tmp_path / f"{number}"
        place.mkdir()
        outcome, detail = tried(
            kind, Case(prepared(kind, folder), random.Random(f"0 {name} {number}"), place)
        )
        if outcome not in GOOD:
            failures.append((number, outcome, detail))
    assert failures == []
