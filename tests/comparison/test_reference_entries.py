"""The references of every comparison: installed entries that were not asked for, and compressors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen.comparison.references import reference_entries, score_references
from textgen.contracts import TextgenWarning
from textgen.data.corpus import Corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.registry import names
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget

Install = Callable[[str, str, str], None]
POINTS = "[textgen.references]\nown-{name} = own_{name}:ENTRY\n"


@pytest.fixture
def bigram(install: Install) -> None:
    install("own_bigram", POINTS.format(name="bigram"), "ENTRY = 'byte-ngram:order=2'")


def found(*present: str) -> list[str]:
    return [entry.name for entry in reference_entries(map(parse_entry, present))]


@pytest.mark.usefixtures("bigram")
def test_an_installed_reference_is_an_entry_with_its_options() -> None:
    assert len(found()) == len(names("reference"))
    (entry,) = [
        entry for entry in reference_entries([parse_entry("char-lstm")]) if entry.name == "byte-ngram:order=2"
    ]
    assert entry.parts == {"tokenizer": "byte", "model": "ngram"}
    assert entry.options == {"model": {"order": 2}}
    assert not entry.is_trainable
    assert entry.description == (
        "counts which tokens followed the last few in the training text (n-grams). "
        "Tokens: the 256 byte tokens; the id of each is its value"
    )


@pytest.mark.usefixtures("bigram")
def test_what_is_compared_anyway_is_not_added_however_it_is_written() -> None:
    for same in ("byte-ngram:order=2", " byte-ngram:model.order=2 "):
        assert "byte-ngram:order=2" not in found("char-lstm", same)
    for another in ("byte-ngram", "byte-ngram:order=3", "char-ngram:order=2"):
        assert "byte-ngram:order=2" in found("char-lstm", another)


@pytest.mark.usefixtures("bigram")
@pytest.mark.parametrize("code", ["ENTRY = 3", "ENTRY = 'byte-nothing'", "raise SystemExit"])
def test_a_broken_reference_is_left_out(install: Install, code: str) -> None:
    before = found()
    install("own_broken", POINTS.format(name="broken"), code)
    with pytest.warns(TextgenWarning, match="'own-broken'.*; this row is missing from the comparison$"):
        assert found() == before


COUNTED = """
from pathlib import Path
from textgen_models.counting import Uniform

class Counted(Uniform):
    def fit(self, ids):
        super().fit(ids)
        with Path({path!r}).open("a") as file:
            file.write("fitted ")
        {then}

ENTRY = "char-counted"
"""
COMPRESSORS = {"PPMd given train", "PPMd, reading on", "xz given train"}


@pytest.fixture
def fitted(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Install a reference that notes in a file that it is fitted, then runs code; the cache is empty."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))

    def install_counted(then: str = "") -> Path:
        points = "[textgen.models]\ncounted = own_counted:Counted\n" + POINTS.format(name="counted")
        install("own_counted", points, COUNTED.format(path=str(tmp_path / "fitted"), then=then))
        return tmp_path / "fitted"

    return install_counted


def scores(budget: str = "60s", text: str = "The cat sat on the mat. ", **options: bool) -> dict[str, float]:
    present = [parse_entry(name) for name in ("char-ngram", "word-ngram", "random")]
    corpus = Corpus.from_texts([text * 400])
    found = score_references(present, corpus, parse_budget(budget), choose_device("cpu"), 60, **options)
    return {each.name: each.bits_per_char for each in found}


def test_a_text_is_scored_once_unless_the_cache_is_damaged(
    fitted: Callable[[str], Path], tmp_path: Path
) -> None:
    pytest.importorskip("pyppmd")
    notes = fitted("")
    first = scores()
    assert set(first) == {*COMPRESSORS, "char-counted"}
    assert scores() == scores(budget="2m") == first
    assert notes.read_text().split() == ["fitted"]
    assert scores(uses_cache=False) == first
    for path in (tmp_path / "cache" / "references").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert scores() == first
    assert notes.read_text().split() == ["fitted"] * 3
    assert scores(text="The dog did not sit on it. ")["char-counted"] != first["char-counted"]
    assert len(notes.read_text().split()) == 4


@pytest.mark.parametrize(
    ("then", "reason"), [("raise KeyError(3)", "KeyError: 3"), ("import os; os.abort()", "SIGABRT")]
)
def test_a_reference_that_fails_costs_its_own_row_each_time(
    fitted: Callable[[str], Path], then: str, reason: str
) -> None:
    fitted(then)
    for _ in range(2):
        with pytest.warns(TextgenWarning, match=f"^skipped the reference char-counted: .*{reason}"):
            assert "xz given train" in scores()


@pytest.mark.usefixtures("no_references")
def test_a_compressor_that_fails_or_is_missing_costs_its_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyppmd.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyppmd", raising=False)
    reason = "^skipped the reference PPMd: .*No module named 'no_such_module'"
    with pytest.warns(TextgenWarning, match=reason):
        assert set(scores(uses_cache=False)) == {"xz given train"}
    monkeypatch.setitem(sys.modules, "pyppmd", None)
    assert set(scores(uses_cache=False)) == {"xz given train"}
