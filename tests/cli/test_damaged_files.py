"""Damaged and hostile files, odd words and command lines: the short version of `textgen_benchmarks.fuzz`."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.contracts import TextgenError
from textgen.data.split import parse_split
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import RunSettings
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.options import declared_options
from textgen.registry.registry import load
from textgen.runtime.storage.files import slug
from textgen.runtime.storage.json_records import from_values
from textgen.suites.schema import read_suite
from textgen.training.budget import parse_budget
from textgen.training.train_options import TrainOptions
from textgen_benchmarks.fuzz import GOOD
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.worker import KINDS, tried

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::textgen.contracts.TextgenWarning")]
NUM_CASES = 6
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
    for number in range(NUM_CASES):
        place = tmp_path / f"{number}"
        place.mkdir()
        outcome, detail = tried(
            kind, Case(prepared(kind, folder), random.Random(f"0 {name} {number}"), place)
        )
        if outcome not in GOOD:
            failures.append((number, outcome, detail))
    assert failures == []


# --- any string where a word of its own is expected


READERS: dict[str, Callable[[str], Any]] = {
    "entry": parse_entry,
    "option of an entry": lambda text: parse_entry(f"char-lstm:{text}"),
    "value of an option": lambda text: parse_entry(f"char-lstm:dropout={text}"),
    "sampler": build_sampler,
    "option of a sampler": lambda text: build_sampler(f"top-p:p={text}"),
    "budget": parse_budget,
    "split": parse_split,
}
ODD = st.one_of(
    st.text(),
    st.text(alphabet="char-lstm+gu:=,./0123456789eE ", max_size=40),
    st.floats().map(str),
    st.integers().map(str),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("name", list(READERS))
@given(text=ODD)
def test_any_word_is_read_or_refused(name: str, text: str) -> None:
    with suppress(TextgenError):
        READERS[name](text)


@given(text=ODD)
def test_any_name_has_a_folder_name(text: str) -> None:
    name = slug(text)
    assert len(name) <= 80
    assert not set(name) & set("/\\\0")


@pytest.mark.parametrize(
    "component", [TrainOptions, *(load("model", name) for name in ("lstm", "transformer"))]
)
@given(text=ODD)
def test_a_value_of_an_option_is_read_or_refused(component: Any, text: str) -> None:
    for option in declared_options(component).values():
        with suppress(TextgenError):
            option.parse("an entry", text)


@given(data=st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_file_is_a_suite_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "suite.toml"
    path.write_bytes(data)
    with suppress(TextgenError):
        read_suite(path)


@given(values=JSON)
def test_any_json_is_a_record_or_refused(values: Any) -> None:
    with suppress(ValueError):
        from_values(RunSettings, values)
