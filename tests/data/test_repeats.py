"""Paragraphs that repeat earlier ones are left out of a text, once and for all later readings."""

from __future__ import annotations

from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from textgen.data.cleaning import MIN_CHARS, without_repeats
from textgen.data.corpus import load_again

NEWS = [
    " ".join(f"On day {day} the minister of item {item} said something of no importance." for day in range(9))
    for item in range(40)
]


def test_a_paragraph_is_left_out_if_half_of_it_has_occurred_before() -> None:
    half = f"{NEWS[3][:460]} Then it was over, and nobody wondered why that had been so."
    less = f"{NEWS[4][:200]} {NEWS[39]}"
    assert min(len(half), len(less)) >= MIN_CHARS
    text = "\n\n".join([*NEWS[:5], half, NEWS[0], less, NEWS[1]])
    borders = [text.index(each, 9) for each in (NEWS[1], NEWS[3], half, less)]
    borders += [text.rindex(each) for each in (NEWS[0], NEWS[1])]
    left, its_borders = without_repeats(text, sorted(borders))
    assert left == "\n\n".join([*NEWS[:5], less]) + "\n\n"
    assert its_borders == [left.index(each) for each in (NEWS[1], NEWS[3], less)]


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "\n\n".join(NEWS), "a short refrain\n\n" * 50, "One line. " * 500, "x\n\n\n \n\ny\n"],
)
def test_what_does_not_repeat_paragraphs_is_unchanged(text: str) -> None:
    assert without_repeats(text, [1, 2]) == (text, [1, 2])


def test_a_corpus_says_what_it_left_out_and_is_read_again_alike(tmp_path: Path) -> None:
    file = tmp_path / "news.txt"
    file.write_text("\n\n".join([*NEWS, NEWS[7]]))
    short, whole = (textgen.load_corpus(file, clean="raw", keep_repeats=kept) for kept in (False, True))
    assert NEWS[7] in str(short.text)
    assert str(whole.text).count(NEWS[7]) == 2
    assert short.info.repeated_chars == len(whole.text) - len(short.text) == len(NEWS[7])
    for corpus in (short, whole):
        assert load_again(corpus.sources, "raw", "90/5/5").sha256 == corpus.sha256
    said = run_textgen("corpus", file, "--clean", "raw").stdout
    assert f"{len(NEWS[7])} more in repeated paragraphs" in said


def test_no_item_of_lee_is_scored_that_was_trained_on() -> None:
    from textgen.library.corpus import statistics

    assert statistics(textgen.load_corpus("lee")).overlap.share < 0.01
    assert statistics(textgen.load_corpus("lee", keep_repeats=True)).overlap.share > 0.1
