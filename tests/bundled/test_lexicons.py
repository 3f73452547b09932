"""The dictionaries that decide which words are real."""

from __future__ import annotations

import pickle

import pytest

from textgen.contracts import TextgenError
from textgen_corpora.lexicons import lexicon


@pytest.mark.parametrize(
    ("language", "real", "made_up"),
    [
        ("en", ["the", "running", "honour", "honor", "london"], ["honoor", "deceres", "", "the cat"]),
        ("de-DE", ["haus", "häuser", "gegangen"], ["hauss", "gehängtes haus"]),
        ("ru", ["книга", "книги", "книгами"], ["книгы"]),
        ("hr", ["kuća", "kuće"], ["kućyx"]),
    ],
)
def test_words_are_known_in_every_form_and_made_up_ones_are_not(
    language: str, real: list[str], made_up: list[str]
) -> None:
    words = pickle.loads(pickle.dumps(lexicon(language)))
    assert [word for word in real if word not in words] == []
    assert [word for word in made_up if word in words] == []


@pytest.mark.parametrize("language", ["ja", "zh-CN", "xx", "", "../en"])
def test_a_language_without_a_dictionary_is_one_line(language: str) -> None:
    with pytest.raises(TextgenError, match=r"^simplemma has no dictionary for the language '.*'$"):
        lexicon(language)


def test_no_entry_spells_from_the_words_of_the_dictionary() -> None:
    """A misspelling that GloVe lists, from whose words entries spell, is made up."""
    vectors = pytest.importorskip("textgen_embeddings.glove").bundled()
    listed = set(vectors.words) - {word for word in vectors.words if word in lexicon("en")}
    assert {"teh", "recieved"} <= listed
