"""A corpus: a cleaned text, its length, its split and its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from textgen.api import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import SplitPart, split_text

PARAGRAPH = "The rain had stopped at last, and the road to the village lay empty.\nNobody came by."
PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(200))


def test_load_corpus_cleans_splits_and_describes(tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("\ufeff" + PROSE.replace(" had ", " “had” "), encoding="utf-8")
    corpus = load_corpus([str(path)])
    assert '"had"' in corpus.text
    assert corpus.split.train + corpus.split.validation + corpus.split.test == corpus.text

    raw = load_corpus([str(path)], cleaner="raw", split="90/10")
    assert "“had”" in raw.text
    assert raw.split.test == ""

    info = corpus.info
    assert (info.name, info.cleaner, info.num_chars) == ("novel.txt", "prose", len(corpus.text))
    assert info.sha256 == hashlib.sha256(corpus.text.encode()).hexdigest()
    for part, about in vars(info.split).items():
        text = getattr(corpus.split, part)
        assert about == SplitPart(len(text), hashlib.sha256(text.encode()).hexdigest())


def test_options_of_the_cleaner_are_used(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(PROSE + " “quoted”", encoding="utf-8")
    assert "“quoted”" in load_corpus([str(path)], cleaner="prose:quotes=false").text


def test_max_chars_cuts_after_cleaning_at_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("<!-- " + "gone " * 2000 + "-->" + PROSE, encoding="utf-8")
    text = load_corpus([str(path)], max_chars=5000).text
    assert 4500 <= len(text) <= 5000
    assert text.startswith("0 The rain")
    assert text.endswith("by.\n\n")
    path.write_text("x" * 9000)
    assert load_corpus([str(path)], max_chars=5000).num_chars == 5000
    with pytest.raises(TextgenError, match="positive"):
        load_corpus([str(path)], max_chars=0)


def test_nothing_remains_after_cleaning(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("<p> </p>\n\n[Illustration]")
    with pytest.raises(TextgenError, match=r"nothing of a\.txt remains after the cleaner 'prose'"):
        load_corpus([str(path)])


def test_lone_surrogates_have_a_hash() -> None:
    text = "x\ud800" * 300
    assert len(Corpus("x", "raw", text, split_text(text, (90, 5, 5))).sha256) == 64


def test_less_training_text_leaves_what_is_scored_as_it_is() -> None:
    corpus = load_corpus(["lee"], max_chars=60_000)
    less = corpus.with_training(30)
    assert corpus.split.train.startswith(less.split.train)
    assert 0.26 < len(less.split.train) / len(corpus.split.train) <= 0.3
    assert less.split.train.endswith("\n")
    assert (less.split.validation, less.split.test) == (corpus.split.validation, corpus.split.test)
