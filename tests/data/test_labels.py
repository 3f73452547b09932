"""Labels of documents: by field, folder or file, as signs in a text whose parts are otherwise the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from textgen.data import cleaning
from textgen.data.labels import SIGNS, Label, without_signs
from textgen.runtime.messages import UsageError

AUTHORS = ("ann", "bob", "cid")


def words_of(author: str, number: int) -> str:
    """A document with two paragraphs, all of whose words name their author."""
    return f"{author}{number} {author}s " * 60 + "\n\n" + f"{author} {author}{number}. " * 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three authors, ten documents of each."""
    for author in AUTHORS:
        (tmp_path / "texts" / author).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "texts" / author / f"{number}.txt").write_text(words_of(author, number))
    return tmp_path / "texts"


def check_signs(corpus: textgen.Corpus) -> None:
    """Check that each paragraph of each part begins with the sign of its author, and has no other."""
    names = {each.sign: each.name for each in corpus.labels}
    for part in (corpus.split.train, corpus.split.validation, corpus.split.test):
        for stretch in part.stretches():
            for paragraph in filter(str.strip, stretch.split("\n\n")):
                author = names[paragraph[0]]
                words = paragraph[1:].split()
                assert not set(names) & set(paragraph[1:])
                assert all(word.startswith(author) for word in words[1:])


def test_folders_are_labels_and_parts_are_otherwise_the_same(folder: Path) -> None:
    corpus = textgen.load_corpus(folder, condition="author")
    assert corpus.labels == tuple(Label(*pair) for pair in zip(SIGNS, AUTHORS, strict=False))
    check_signs(corpus)
    plain = textgen.load_corpus(folder)
    assert not plain.labels
    for part in ("train", "validation", "test"):
        labelled = getattr(corpus.split, part).stretches()
        assert [without_signs(text, corpus.labels) for text in labelled] == [
            *getattr(plain.split, part).stretches()
        ]
        assert all(text[0] in SIGNS for text in labelled)
    assert corpus.info.labels == corpus.labels


def test_files_and_fields_are_labels(tmp_path: Path) -> None:
    for author in AUTHORS:
        (tmp_path / f"{author}.txt").write_text("\n\n".join(words_of(author, place) for place in range(10)))
    rows = [{"text": words_of(author, place), "author": author} for place in range(10) for author in AUTHORS]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    by_file = textgen.load_corpus([tmp_path / f"{author}.txt" for author in AUTHORS], condition="author")
    by_field = textgen.load_corpus(tmp_path / "all.jsonl", condition="author")
    in_memory = textgen.Corpus.from_texts(
        (row["text"] for row in rows), labels=[row["author"] for row in rows]
    )
    for corpus in (by_file, by_field, in_memory):
        assert [each.name for each in corpus.labels] == list(AUTHORS)
        check_signs(corpus)
    assert in_memory.text == by_field.text


def test_records_without_a_value_have_a_label_too(tmp_path: Path) -> None:
    rows = [{"text": words_of("ann", place), "by": "ann" if place % 2 else None} for place in range(20)]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    corpus = textgen.load_corpus(tmp_path / "all.jsonl", condition="by")
    assert [each.name for each in corpus.labels] == ["(none)", "ann"]


def test_a_document_that_repeats_others_leaves_the_labels_right(folder: Path) -> None:
    (folder / "ann" / "5.txt").write_text(words_of("ann", 4))
    (folder / "bob" / "0.txt").write_text(words_of("bob", 1))
    corpus = textgen.load_corpus(folder, condition="author")
    assert corpus.repeated_chars
    check_signs(corpus)


def test_names_of_files_may_have_dots(tmp_path: Path) -> None:
    for name in ("J. Ann.txt", "J. Bob.txt", "Cid.v2.txt"):
        (tmp_path / name).write_text(
            "\n\n".join(words_of(name[:-4][-3:].lower(), place) for place in range(9))
        )
    corpus = textgen.load_corpus(tmp_path, condition="author")
    assert [each.name for each in corpus.labels] == ["Cid.v2", "J. Ann", "J. Bob"]


def test_a_table_without_the_field_is_not_left_out(folder: Path) -> None:
    rows = [{"text": words_of("eve", place), "by": "eve"} for place in range(9)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert len(textgen.load_corpus(folder, condition="by").labels) == 4
    with pytest.raises(textgen.TextgenError, match="has no field 'author'"):
        textgen.load_corpus(folder, condition="author")


def test_signs_that_a_text_has_are_not_used(folder: Path) -> None:
    (folder / "ann" / "0.txt").write_text("ann ann \u24d0 ann\n\n" * 20)
    corpus = textgen.load_corpus(folder, condition="author", clean="raw")
    assert [each.sign for each in corpus.labels] == list(SIGNS[1:4])


def test_labels_that_make_no_sense(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "labels: ⓐ ann, ⓑ bob, ⓒ cid" in run_textgen("corpus", folder, "--condition", "author").stdout
    one = run_textgen("corpus", folder / "ann" / "0.txt", "--condition", "author", code=1).stderr
    assert "labels by 'author': 1, such as '0'; give 2 to 26" in one
    rows = [{"text": words_of("ann", place), "by": f"author {place}"} for place in range(27)]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(textgen.TextgenError, match="labels by 'by': 27"):
        textgen.load_corpus(tmp_path / "all.jsonl", condition="by")
    with pytest.raises(textgen.TextgenError, match=r"has no field 'bye'; .*: text, by"):
        textgen.load_corpus(tmp_path / "all.jsonl", condition="bye")
    with pytest.raises(UsageError, match="2 labels of 1 texts; give one"):
        textgen.Corpus.from_texts([words_of("ann", 1)], labels=["ann", "bob"])
    text = textgen.TextOptions(
        str(folder), condition="author", split="95/5/0", sealed=str(folder / "ann" / "0.txt")
    )
    with pytest.raises(UsageError, match="a sealed text has no labels"):
        textgen.bench("random", text, budget="1updates", out=tmp_path / "bench", report=False)
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 1000)
    with pytest.raises(textgen.TextgenError, match="a text with labels has 1,000 bytes at most"):
        textgen.load_corpus(folder, condition="author")
