"""Splitting a text: fractions, and cuts at boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.api import TextgenError
from textgen.data.split import Split, parse_split, split_text

PARAGRAPH = "The rain had stopped at last, and the road to the village lay empty.\nNobody came by."
PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(200))


@pytest.mark.parametrize(
    ("spec", "fractions"), [("90/5/5", (90, 5, 5)), ("90/10", (90, 10)), (" 80 / 10 /10", (80, 10, 10))]
)
def test_split_specs(spec: str, fractions: tuple[int, ...]) -> None:
    assert parse_split(spec) == fractions


@pytest.mark.parametrize(
    "spec", ["", "100", "90/5", "100/0", "90/5/4/1", "-90/185/5", "a/b", "90.5/9.5", "²/98"]
)
def test_wrong_split_specs(spec: str) -> None:
    with pytest.raises(TextgenError, match="give percentages"):
        parse_split(spec)


@given(st.text("ab \n", min_size=400, max_size=3000), st.sampled_from([(90, 5, 5), (80, 10, 10), (90, 10)]))
def test_split_is_a_partition_with_parts_of_use(text: str, fractions: tuple[int, ...]) -> None:
    split = split_text(text, fractions)
    assert split.train + split.validation + split.test == text
    assert len(split.train) >= 100
    assert len(split.validation) >= 20
    assert len(split.test) >= 20 if len(fractions) == 3 else split.test == ""


def test_cuts_between_paragraphs_else_lines_else_words_else_exactly() -> None:
    split = split_text(PROSE, (90, 5, 5))
    assert split.train.endswith("by.\n\n")
    assert split.validation.endswith("by.\n\n")
    assert abs(len(split.train) / len(PROSE) - 0.9) < 0.01

    assert split_text("some words here\n" * 100, (90, 5, 5)).train.endswith("here\n")
    words = split_text("word and word " * 100, (90, 5, 5))
    assert not words.train.endswith(" ")
    assert words.validation.startswith(" ")  # a word token carries the space before it
    assert split_text("x" * 1000, (90, 5, 5)) == Split("x" * 900, "x" * 50, "x" * 50)


def test_no_cut_far_from_its_place() -> None:
    text = "x" * 50_000 + "\n\n" + "y " * 75_000  # the only paragraph ends a quarter in
    assert abs(len(split_text(text, (50, 50)).train) - 100_000) <= 2000


@pytest.mark.parametrize("text", ["a", "", "too short " * 20])
def test_too_short_to_split(text: str) -> None:
    with pytest.raises(TextgenError, match=rf"too short to split 90/5/5: {len(text)} characters; .* 400"):
        split_text(text, (90, 5, 5))


def test_the_length_it_asks_for_is_enough() -> None:
    assert split_text("x" * 400, (90, 5, 5)).test == "x" * 20
