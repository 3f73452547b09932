"""Reading, cutting and splitting a text, and what users are told when it cannot be done."""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.api import TextgenError
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.decoding import decode
from textgen.data.sources import read_text
from textgen.data.split import Split, SplitPart, parse_split, split_text

PARAGRAPH = "The rain had stopped at last, and the road to the village lay empty.\nNobody came by."
PROSE = "\n\n".join(f"{i} {PARAGRAPH}" for i in range(200))


def message(*sources: str, encoding: str = "utf-8") -> str:
    """Return the error that reading these sources gives; it must be one line."""
    with pytest.raises(TextgenError) as caught:
        read_text(sources, encoding)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_reads_a_file_without_touching_its_newlines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\r\n")
    assert read_text([str(path)]) == ("a.txt", "one\r\n\r\ntwo\r\n")


def test_reads_a_folder_in_order_and_several_sources(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "b.txt").write_text("second")
    (folder / "a.txt").write_text("first")
    (folder / "c.md").write_text("no text")
    (tmp_path / "x.md").write_text("third")
    name, text = read_text([str(folder), str(tmp_path / "x.md")])
    assert name == "books+x.md"
    assert text == "first\n\nsecond\n\nthird"


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("naïve".encode("latin-1"))))
    assert read_text(["-"], "latin-1") == ("stdin", "naïve")


def test_reads_a_corpus_by_name_and_joins_it_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("my own words")
    name, text = read_text(["wiki/Aardwolf", str(tmp_path / "own.txt")])
    assert name == "wiki/Aardwolf+own.txt"
    assert "aardwolf" in text
    assert text.endswith("\n\nmy own words")


def test_a_file_goes_before_a_corpus_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wiki").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert read_text(["wiki"]) == ("wiki", "a file")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("missing.txt", "no such file: missing.txt; give a path, - for standard input, or a corpus: "),
        ("no/such/folder", "no such file: no/such/folder"),
        ("wikki", "unknown corpus 'wikki'; did you mean 'wiki'?"),
        ("gutenburg/austen-emma.txt", "did you mean 'gutenberg'?"),
        ("wiki/Anarchis", "did you mean 'Anarchism'?"),
        ("lee/3", "the corpus lee has no item '3'; write lee"),
        ("x" * 5000, "unknown corpus"),
        ("nul\0.txt", "no such file"),
    ],
)
def test_unknown_sources(source: str, told: str) -> None:
    assert told in message(source)


def test_no_source_at_all() -> None:
    assert "no text given" in message()


def test_unusable_files(tmp_path: Path) -> None:
    def file(data: bytes) -> str:
        path = tmp_path / "f.txt"
        path.write_bytes(data)
        return str(path)

    assert "f.txt is empty" in message(file(b""))
    assert "f.txt is empty" in message(file(b"\xef\xbb\xbf"))
    assert "binary (a zero byte at offset 3)" in message(file(b"PK\x03\x00"))
    assert "--encoding utf-16" in message(file("text".encode("utf-16")))
    told = message(file("ein schöner Tag".encode("latin-1")))
    assert "byte 0xF6 at offset 7" in told
    assert "--encoding latin-1" in told
    assert "unknown text encoding 'utf8mb4'" in message(file(b"x"), encoding="utf8mb4")
    assert "unknown text encoding 'hex'" in message(file(b"x"), encoding="hex")
    assert "byte 0xF6 at offset 0" in message(file(b"\xf6"), encoding="ascii")


def test_a_folder_without_texts(tmp_path: Path) -> None:
    assert "contains no .txt files" in message(str(tmp_path))


def test_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "loop" in message(str(tmp_path / "loop"))
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "a.txt").write_text("secret")
    locked.chmod(0)
    try:
        if not (locked / "a.txt").exists():  # root reads everything
            pytest.skip("permissions do not bind this user")
    except PermissionError:
        assert "cannot read" in message(str(locked / "a.txt"))
    finally:
        locked.chmod(0o700)


def test_other_encodings() -> None:
    assert decode("Привет".encode("utf-16"), "x", "utf-16") == "Привет"
    assert decode("Привет".encode("koi8-r"), "x", "koi8-r") == "Привет"


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
