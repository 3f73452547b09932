"""The entries that every comparison includes: installed, and not among those that were asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from textgen.comparison.references import reference_entries
from textgen.contracts import TextgenWarning
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.registry import names

Install = Callable[[str, str, str], None]
POINTS = "[textgen.references]\nown-{name} = own_{name}:ENTRY\n"


@pytest.fixture
def bigram(install: Install) -> None:
    """A reference of another distribution."""
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
    with pytest.warns(TextgenWarning, match="'own-broken'.*; the comparison has no such row$"):
        assert found() == before
