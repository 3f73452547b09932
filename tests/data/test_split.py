"""Splitting a text: slices, percentages, and cuts at boundaries."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import accumulate, chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.texts import on_disk
from textgen.contracts import TextgenError
from textgen.data.split import (
    MAX_HELD_OUT_CHARS,
    MAX_STRETCHES,
    MIN_DOCUMENTS,
    MIN_STRETCH_CHARS,
    NUM_SLICES,
    Part,
    Split,
    SplitMethod,
    parse_split,
    split_text,
)
from textgen.data.text import Text

PARAGRAPH = "The rain had stopped at last, and the road to the village lay empty.\nNobody came by."
PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(200))
LONG_PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(4000))


def parts(split: Split) -> tuple[Text, Text, Text]:
    return split.train.text, split.validation.text, split.test.text


def in_order(split: Split) -> list[str]:
    """Return all stretches in the order of the slices: train, validation and test of each."""
    stretches = zip_longest(*(part.stretches() for part in (split.train, split.validation, split.test)))
    return [stretch for stretch in chain(*stretches) if stretch is not None]


@pytest.mark.parametrize(
    ("spec", "percentages", "kind", "text"),
    [
        ("90/5/5", (90, 5, 5), "", "90/5/5"),
        ("90/10", (90, 10), "", "90/10"),
        ("95/5/0", (95, 5, 0), "", "95/5/0"),
        (" 80 / 10 /10", (80, 10, 10), "", "80/10/10"),
        ("contiguous:80/20", (80, 20), "contiguous", "contiguous:80/20"),
        ("slices:90/10", (90, 10), "slices", "slices:90/10"),
        ("contiguous", (90, 5, 5), "contiguous", "contiguous:90/5/5"),
    ],
)
def test_split_specs(spec: str, percentages: tuple[int, ...], kind: str, text: str) -> None:
    method = parse_split(spec)
    assert method == SplitMethod(percentages, kind)
    assert str(method) == text
    assert parse_split(text) == method


@pytest.mark.parametrize(
    "spec",
    [
        *("", "100", "90/5", "100/0", "90/5/4/1", "95/0/5", "4/96", "-90/185/5", "a/b", "90.5/9.5", "²/98"),
        f"{'9' * 5000}/5/5",
        *("contiguous:", "contiguos:90/5/5", "a:contiguous:90/5/5", "contiguous:90", "contiguous/90/10"),
    ],
)
def test_wrong_split_specs(spec: str) -> None:
    with pytest.raises(TextgenError, match="give percentages") as caught:
        parse_split(spec)
    assert repr(spec) in str(caught.value)
    assert "\n" not in str(caught.value)


# --- slices


@given(
    piece=st.text("ab \n", min_size=400, max_size=600),
    repeats=st.integers(1, 60),
    spec=st.sampled_from(["90/5/5", "80/10/10", "90/10", "95/5/0", "34/33/33", "contiguous:90/5/5"]),
)
def test_a_split_is_a_partition_with_useful_parts(piece: str, repeats: int, spec: str) -> None:
    text, method = piece * repeats, parse_split(spec)
    split = split_text(text, method)
    assert "".join(in_order(split)) == text
    num_slices = method.num_slices(len(text))
    for part, name in ((split.train, "train"), (split.validation, "validation"), (split.test, "test")):
        if name == "test" and not method.percentages[-1]:
            assert (part.text, part.stretches()) == ("", ())
            continue
        assert "".join(part.stretches()) == part.text
        assert part.stretch_chars == tuple(map(len, part.stretches()))
        assert len(part.stretch_chars) == num_slices
        assert min(part.stretch_chars) >= {"train": 100, "validation": 20, "test": 20}[name]
        if num_slices > 1 and name != "train":
            assert min(part.stretch_chars) >= MIN_STRETCH_CHARS // 4


# --- cuts


def test_cuts_between_paragraphs_else_lines_else_words_else_exactly() -> None:
    train, validation, _ = parts(split_text(PROSE, parse_split("90/5/5")))
    assert train[:].endswith("by.\n\n")
    assert validation[:].endswith("by.\n\n")
    assert abs(len(train) / len(PROSE) - 0.9) < 0.01

    lines, _, _ = parts(split_text("some words here\n" * 100, parse_split("90/5/5")))
    assert lines[:].endswith("here\n")
    words, following, _ = parts(split_text("word and word " * 100, parse_split("90/5/5")))
    assert not words[:].endswith(" ")
    assert following[:].startswith(" ")  # a word token carries the space before it
    assert parts(split_text("x" * 1000, parse_split("90/5/5"))) == ("x" * 900, "x" * 50, "x" * 50)
    in_slices = split_text("x" * 40_000, parse_split("90/5/5"))
    assert in_slices.train.stretch_chars == (9000,) * 4
    assert in_slices.validation.stretch_chars == in_slices.test.stretch_chars == (500,) * 4


@pytest.mark.parametrize("text", ["a", "", "too short " * 20])
def test_too_short_to_split(text: str) -> None:
    for spec in ("90/5/5", "contiguous:90/5/5"):
        with pytest.raises(TextgenError, match=rf"too short to split {spec}: {len(text)} characters; .* 400"):
            split_text(text, parse_split(spec))


# --- the beginning of a part


@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    share=st.floats(0.01, 1.2),
    alphabet=st.sampled_from(["ab", "ab \n"]),
    data=st.data(),
)
def test_the_first_characters_of_a_part_are_the_beginnings_of_its_stretches(
    sizes: list[int], share: float, alphabet: str, data: st.DataObject
) -> None:
    text = data.draw(st.text(alphabet, min_size=sum(sizes), max_size=sum(sizes)))
    part = Part(text, tuple(sizes))
    num_chars = int(share * len(text))
    first = part.first(num_chars)
    assert len(first) <= max(num_chars, 0)
    assert len(first.stretch_chars) == len(sizes)
    for begin, whole in zip(first.stretches(), part.stretches(), strict=True):
        assert whole.startswith(begin)
        wanted = min(len(whole), len(whole) * num_chars // len(text))
        assert wanted - wanted // 10 <= len(begin) <= wanted


def test_validation_is_held_back_from_all_over_the_train_part() -> None:
    split = split_text(LONG_PROSE, parse_split("contiguous:90/10"))
    assert len(split.test) / len(LONG_PROSE) == pytest.approx(0.1, rel=0.05)
    assert len(split.validation) / len(LONG_PROSE) == pytest.approx(0.05, rel=0.1)
    assert len(split.validation.stretches()) == len(split.train.stretches()) == NUM_SLICES
    assert (
        "".join(in_order(Split(split.train, split.validation, Part("", ()))))
        == LONG_PROSE[: -len(split.test)]
    )


# --- exact cuts


def test_all_of_an_exact_split_is_scored() -> None:
    text = "Rain, again.\n" * (MAX_HELD_OUT_CHARS * 20 // 13 + 20)
    exact, contiguous = (split_text(text, parse_split(f"{name}:90/5/5")) for name in ("exact", "contiguous"))
    assert len(exact.held_out) == len(exact.test) > MAX_HELD_OUT_CHARS
    assert len(contiguous.held_out) <= MAX_HELD_OUT_CHARS


@pytest.mark.parametrize("cut", range(4))
def test_a_character_that_an_exact_cut_would_divide_is_of_the_later_part(cut: int, tmp_path: Path) -> None:
    text = "x" * (900 - cut) + "\U0001f600" + "y" * (96 + cut)
    split = split_text(text, parse_split("exact:90/5/5"))
    assert split.train.text == "x" * (900 - cut)
    assert "".join(each[:] for each in parts(split)) == text
    stored = split_text(on_disk(tmp_path / "text", [text]), parse_split("exact:90/5/5"))
    assert [each[:] for each in parts(stored)] == [each[:] for each in parts(split)]


# --- documents


@given(
    sizes=st.lists(st.integers(20, 400) | st.integers(2000, 5000), min_size=20, max_size=300),
    spec=st.sampled_from(["documents:90/5/5", "documents:80/10/10", "documents:90/10", "documents:95/5/0"]),
)
def test_a_document_is_wholly_in_one_part(sizes: list[int], spec: str) -> None:
    text = "".join(chr(0x4E00 + index) * size for index, size in enumerate(sizes))
    borders = list(accumulate(sizes[:-1]))
    method = parse_split(spec)
    assert str(method) == spec
    split = split_text(text, method, borders)
    assert Counter("".join(parts(split))) == Counter(text)
    train, validation, test = (set(part) for part in parts(split))
    assert not train & validation | train & test | validation & test
    for part, documents in ((split.validation, validation), (split.test, test)):
        assert len(part.stretch_chars) == min(len(documents), MAX_STRETCHES)
        if len(documents) <= MAX_STRETCHES:  # a stretch is a document
            assert all(len(set(stretch)) == 1 for stretch in part.stretches())


@pytest.mark.parametrize("spec", ["90/5/5", "documents:90/5/5"])
def test_documents_of_middling_length_are_held_out_from_all_over(spec: str) -> None:
    documents = [f"{index} {PARAGRAPH * (1 + index % 8)}\n\n" for index in range(400)]
    borders = list(accumulate(map(len, documents)))[:-1]
    split = split_text("".join(documents), parse_split(spec), borders)
    assert str(split.method) == "documents:90/5/5"
    num_chars = sum(map(len, documents))
    for part, share in ((split.train, 0.9), (split.validation, 0.05), (split.test, 0.05)):
        assert abs(len(part) / num_chars - share) < 0.005
    for part in (split.validation, split.test):
        numbers = [int(stretch.split()[0]) for stretch in part.stretches()]
        assert {number % 8 for number in numbers} == {2, 3, 4, 5}
        assert numbers == sorted(numbers)
        assert numbers[0] < 100
        assert numbers[-1] > 300


def test_few_or_uneven_documents_are_cut_into_slices() -> None:
    documents = [f"{index} {PARAGRAPH}\n\n" * 9 for index in range(MIN_DOCUMENTS)]
    uneven = [*documents, "A long one.\n\n" * 900]

    def made(parts: list[str], spec: str) -> Split:
        return split_text("".join(parts), parse_split(spec), list(accumulate(map(len, parts)))[:-1])

    assert [str(made(each, "90/5/5").method) for each in (documents[1:], uneven, documents)] == [
        *("90/5/5", "90/5/5", "documents:90/5/5")
    ]
    asked = made(documents, "slices:90/5/5")
    assert asked == replace(split_text("".join(documents), parse_split("90/5/5")), method=asked.method)


def test_too_few_documents_to_keep_whole() -> None:
    with pytest.raises(TextgenError, match="has 2 documents, too few to split whole documents into 3"):
        split_text(PROSE, parse_split("documents"), [500])
    with pytest.raises(TextgenError, match=r"the test part of the split .* has 9 characters, fewer than 20"):
        split_text(PROSE, parse_split("documents"), [len(PROSE) - 200, len(PROSE) - 9])
