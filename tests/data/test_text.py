"""Texts on disk slice like strings; blocks end with paragraphs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.texts import on_disk
from textgen.data.text import alphabet, blocks, cut_blocks, part, sha256


@given(pieces=st.lists(st.text(min_size=1), max_size=6), data=st.data())
def test_a_text_on_disk_slices_like_a_string(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], data: st.DataObject
) -> None:
    whole = "".join(pieces)
    text = on_disk(tmp_path_factory.getbasetemp() / "sliced.txt", pieces)
    place = st.none() | st.integers(-len(whole) - 2, len(whole) + 2)
    begin, end = data.draw(place), data.draw(place)
    assert len(text) == len(whole)
    assert text[begin:end] == whole[begin:end]
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    stretch = part(text, low, high)
    assert len(stretch) == high - low
    assert "".join(blocks(stretch)) == whole[low:high]
    assert stretch[1:-1] == whole[low:high][1:-1]
    assert sha256(stretch) == sha256(whole[low:high])
    assert alphabet(stretch) == set(whole[low:high])


@given(pieces=st.lists(st.text()), size=st.integers(1, 30))
def test_blocks_are_the_text(pieces: list[str], size: int) -> None:
    cut = list(cut_blocks(pieces, size))
    assert "".join(cut) == "".join(pieces)
    assert all(0 < len(block) <= size for block in cut)


def test_blocks_end_with_paragraphs_else_lines_else_words_else_anywhere() -> None:
    paragraphs = "one two three\n \nfour five six\n\nseven"
    assert list(cut_blocks([paragraphs[:8], paragraphs[8:]], 31)) == [paragraphs[:-5], "seven"]
    assert list(cut_blocks(["one two\nthree  four\n  five"], 22)) == ["one two\n", "three  four\n  five"]
    assert list(cut_blocks(["one  two three"], 10)) == ["one  two", " three"]
    assert list(cut_blocks(["x" * 25], 10)) == ["x" * 10, "x" * 10, "x" * 5]
