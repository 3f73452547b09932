"""Splitting text into words."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from textgen.data.words import (
    WORD,
    count_between_spaces,
    spans,
    split_words,
    whole_words,
    without_cut_word,
    words,
)


@given(text=...)
def test_split_loses_nothing(text: str) -> None:
    pieces = split_words(text)
    assert "".join(pieces) == text
    assert all(pieces)


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


JAPANESE = "第3章 Debianのパッケージ（deb）を、人々が使う。"
CHINESE = "这是 Debian 12 的软件包，很好！"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (JAPANESE, "第|3|章| Debian|の|パッケージ|（|deb|）|を|、|人|々|が|使|う|。"),
        (CHINESE, "这|是| Debian| 12| 的|软|件|包|，|很|好|！"),
        ("Мать мыла раму.", "Мать| мыла| раму|."),
        ("Straßenbahn-Äpfel", "Straßenbahn|-|Äpfel"),
        ("l'homme d\u2019État, aujourd'hui", "l|'|homme| d|\u2019|État|,| aujourd|'|hui"),
        ("avó, pão e coração", "avó|,| pão| e| coração"),
    ],
)
def test_other_languages_are_split_at_spaces_or_at_unicode_word_boundaries(text: str, pieces: str) -> None:
    assert split_words(text) == pieces.split("|")


def test_words_of_other_languages() -> None:
    found = "|".join(JAPANESE[begin:end] for begin, end in spans(WORD, JAPANESE))
    assert found == "第|章|Debian|の|パッケージ|deb|を|人|々|が|使|う"
    assert words("这是 Debian") == ["这", "是"]  # the last word may be cut off
    assert words("名'字 d’字'。") == ["名", "字", "d", "字"]
    assert words("Мать мыла раму.") == ["Мать", "мыла", "раму"]
    assert words("L\u2019homme, c'est «l'État».") == ["L\u2019homme", "c'est", "l'État"]
    assert count_between_spaces("the cat's -- hat\n") == 4
    assert count_between_spaces(CHINESE) == 10  # with Debian and 12, as between spaces
    assert count_between_spaces("！ 很好") == 3


@given(text=...)
@example(text=JAPANESE)
@example(text="カ\u3099タカナ々がabc1")
def test_words_are_where_they_are_said_to_be(text: str) -> None:
    assert words(text) == [text[begin:end] for begin, end in whole_words(text)]
    ended = text + " "
    assert words(ended) == [ended[begin:end] for begin, end in spans(WORD, ended)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("the old mill-ho", "the old "),
        ("he didn\u2019t", "he "),
        ("in 19", "in "),
        ("the end.", "the end."),
        ("the end ", "the end "),
        ("endless", "endless"),
        ("使うパッケ", "使う"),
        ("", ""),
    ],
)
def test_a_sample_ends_with_a_whole_word(text: str, kept: str) -> None:
    assert without_cut_word(text) == kept
