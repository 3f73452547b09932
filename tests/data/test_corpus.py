"""A corpus: a cleaned text, its length, its split and its hash."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.commands import run_textgen
from textgen.contracts import TextgenError
from textgen.data.cleaning import MIN_CHARS, without_repeats
from textgen.data.corpus import Corpus, TextSources, load_again, load_corpus
from textgen.data.split import SplitPart
from textgen.library.corpus import read
from textgen_suites.run_suite import read_again

PARAGRAPH = "The rain had stopped at last, and the road to the village lay empty.\nNobody came by."
PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(200))


def test_load_corpus_cleans_splits_and_describes(tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("\ufeff" + PROSE.replace(" had ", " “had” "), encoding="utf-8")
    corpus = load_corpus([str(path)])
    assert '"had"' in corpus.text
    assert corpus.sources == TextSources((str(path),))
    info = corpus.info
    assert (info.name, info.cleaner, info.num_chars) == ("novel.txt", "prose", len(corpus.text))
    assert info.sha256 == hashlib.sha256(corpus.text.encode()).hexdigest()
    assert info.split.method == "90/5/5"
    for part in ("train", "validation", "test"):
        own = getattr(corpus.split, part)
        scored = () if part == "train" else own.stretch_chars
        expected = SplitPart(len(own), hashlib.sha256(own.text.encode()).hexdigest(), scored)
        assert getattr(info.split, part) == expected
    raw = load_corpus([str(path)], cleaner="raw", split="95/5/0")
    assert "“had”" in raw.text
    assert raw.info.split.method == "95/5/0"
    assert raw.info.split.test == SplitPart(0, hashlib.sha256().hexdigest())


def test_max_chars_cuts_after_cleaning_at_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("<!-- " + "gone " * 2000 + "-->" + PROSE, encoding="utf-8")
    text = load_corpus([str(path)], max_chars=5000).text
    assert 4500 <= len(text) <= 5000
    assert text.startswith("0 The rain")
    assert text.endswith("by.\n\n")
    path.write_text("x" * 9000)
    assert load_corpus([str(path)], max_chars=5000).num_chars == 5000


@pytest.mark.parametrize("split", ["slices:90/5/5", "contiguous:90/5/5"])
def test_less_training_text_leaves_what_is_scored_unchanged(split: str) -> None:
    corpus = load_corpus(["lee"], max_chars=60_000, split=split)
    less = corpus.with_training(30)
    train, its = corpus.split.train.stretches(), less.split.train.stretches()
    assert len(its) == len(train) == (1 if "contiguous" in split else 5)
    assert all(map(str.startswith, train, its))
    for begin, whole in zip(its, train, strict=True):
        assert begin.endswith("\n") or whole[len(begin)] == " "
    assert 0.26 < len(less.split.train) / len(corpus.split.train) <= 0.3
    assert (less.split.validation, less.split.test) == (corpus.split.validation, corpus.split.test)
    assert less.sha256 == corpus.sha256
    assert corpus.with_training(100).split == corpus.split


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
    assert sorted({*its_borders} - {len(left)}) == [left.index(each) for each in (NEWS[1], NEWS[3], less)]


def test_a_corpus_says_what_it_left_out_and_is_read_again_alike(tmp_path: Path) -> None:
    file = tmp_path / "news.txt"
    file.write_text("\n\n".join([*NEWS, NEWS[7]]))
    short = textgen.load_corpus(file, clean="raw")
    whole = textgen.load_corpus(file, clean="raw", split="exact:90/5/5")  # its bytes are all there
    assert NEWS[7] in str(short.text)
    assert str(whole.text).count(NEWS[7]) == 2
    assert short.info.repeated_chars == len(whole.text) - len(short.text) == len(NEWS[7])
    for corpus in (short, whole):
        assert load_again(corpus.sources, corpus.info) == corpus
    as_recorded = replace(whole.info, split=short.info.split)  # where what repeats was kept
    assert load_again(whole.sources, as_recorded).sha256 == whole.sha256
    said = run_textgen("corpus", file, "--clean", "raw").stdout
    assert f"{len(NEWS[7])} more in repeated paragraphs" in said


def test_no_item_of_lee_is_scored_that_was_trained_on() -> None:
    from textgen.library.corpus import statistics

    slices = "slices:90/5/5"
    assert statistics(textgen.load_corpus("lee", split=slices)).overlap.share < 0.01
    assert statistics(load_corpus(["lee"], split=slices, keeps_repeats=True)).overlap.share > 0.1


def test_texts_in_memory_are_a_corpus_with_a_name_of_their_hash() -> None:
    documents = [f"{index} {PARAGRAPH}\n\n" * 20 for index in range(10)]
    corpus = Corpus.from_texts(iter(documents), split="documents:80/10/10")
    assert corpus.num_documents == 10
    assert corpus.name == Corpus.from_texts(documents).name != Corpus.from_texts([*documents, "x"]).name
    assert corpus.name.startswith("memory:")
    again = load_again(corpus.sources, corpus.info)
    assert again == corpus
    assert read(read_again(corpus)) == corpus
    with pytest.raises(TextgenError, match=r"^no text memory:123 in this process; give it again with Corpus"):
        load_again(TextSources(("memory:123",)), corpus.info)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a text", "^texts is a single string; give a list of strings, even for one text$"),
        (["a", None], "^text 1 is NoneType, not a string; give a list of strings$"),
        ([], "is empty; give a text$"),
        (["short"], "too short"),
    ],
)
def test_what_are_not_texts_is_refused(texts: Any, message: str) -> None:
    with pytest.raises(TextgenError, match=message):
        Corpus.from_texts(texts)
