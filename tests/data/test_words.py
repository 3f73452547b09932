"""Splitting text into words."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given

from textgen.data.words import PIECE_RULES, split_words, words


@given(text=...)
def test_split_loses_nothing(text: str) -> None:
    pieces = split_words(text)
    assert "".join(pieces) == text
    assert all(pieces)


@given(text=...)
@example(text="don't n't Can'T an' o'n't 9n't")
@example(text="nn't _n’t n'tx isn't's")
def test_the_rule_for_plain_words_changes_nothing(text: str) -> None:
    assert split_words(text) == re.findall("|".join(PIECE_RULES[1:]), text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("the cat sat", ["the", " cat", " sat"]),
        ("He said: “No.”", ["He", " said", ":", " “", "No", ".", "”"]),
        ("don't Can’t", ["do", "n't", " Ca", "n’t"]),
        ("Anne's I'll WE'RE", ["Anne", "'s", " I", "'ll", " WE", "'RE"]),
        ("'tis rock'n'roll", ["'", "tis", " rock", "'", "n", "'", "roll"]),
        ("a  b\n\n c \n", ["a", " ", " b", "\n\n", " c", " ", "\n"]),
        ("one -- two...", ["one", " --", " two", "..."]),
        ("3.14 x_1", ["3", ".", "14", " x_1"]),
        ("a\tb", ["a", "\t", "b"]),
        ("", []),
    ],
)
def test_split_into_words_with_their_space_clitics_and_signs(text: str, pieces: list[str]) -> None:
    assert split_words(text) == pieces


def test_words_are_letters_with_inner_apostrophes_and_a_cut_last_word_is_dropped() -> None:
    assert words("Don't 'quote' naïve O\u2019Brien 3rd cafe\u0301 हिन्दी, fox-trot. en") == (
        ["Don't", "quote", "naïve", "O\u2019Brien", "rd", "cafe\u0301", "हिन्दी", "fox", "trot"]
    )
    assert words("the ca") == words("the ca'") == ["the"]
    assert words("the cat.") == words("the cat ") == ["the", "cat"]
