"""Reading texts: files, folders, standard input and corpora by name."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen.contracts import TextgenError, TextgenWarning
from textgen.data import cleaning
from textgen.data.cleaning import load_text
from textgen.data.corpus import load_corpus
from textgen.data.sources import language_of, read_documents
from textgen.registry import registry


def read_text(sources: list[str], encoding: str = "auto") -> tuple[str, str]:
    """Return the name and the text of sources, with a blank line between documents."""
    name, documents = read_documents(sources, encoding)
    return name, "\n\n".join(map("".join, documents))


def message(*sources: str, encoding: str = "utf-8") -> str:
    """Return the error that reading these sources gives; it must be one line."""
    with pytest.raises(TextgenError) as caught:
        read_text(list(sources), encoding)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_reads_a_file_without_touching_its_newlines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\r\n")
    assert read_text([str(path)]) == ("a.txt", "one\r\n\r\ntwo\r\n")


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("naïve".encode("latin-1"))))
    assert read_text(["-"], "latin-1") == ("stdin", "naïve")


def test_reads_a_corpus_by_name_and_joins_it_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("my own words")
    name, text = read_text(["lee", str(tmp_path / "own.txt")])
    assert name == "lee+own.txt"
    assert text.startswith("Hundreds of people")
    assert text.endswith("\n\nmy own words")


def test_the_name_of_a_corpus_means_the_corpus_whatever_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lee").mkdir()
    (tmp_path / "lee" / "a.txt").write_text("a file")
    monkeypatch.chdir(tmp_path)
    name, text = read_text(["lee"])
    assert (name, text[:18]) == ("lee", "Hundreds of people")
    assert "no item 'a.txt'" in message("lee/a.txt")
    assert read_text(["./lee"]) == ("lee", "a file")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("lee/3", "the corpus lee has no item '3'; write lee"),
        ("x" * 5000, "unknown corpus"),
        ("nul\0.txt", "no such file"),
        (".", "contains no texts, such as .txt files"),
        ("loop.txt", "loop.txt"),
        ("pipe.txt", "pipe.txt is not a file; give one, or - for standard input"),
    ],
)
def test_what_cannot_be_read_is_refused(
    source: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if source == "loop.txt":
        Path(source).symlink_to(source)
    elif source == "pipe.txt":
        os.mkfifo(source)  # which may have no writer
    assert told in message(source)


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        (b"\xef\xbb\xbf", "utf-8", "f.txt is empty"),
        ("text".encode("utf-16"), "utf-8", "f.txt is binary (a zero byte at offset 3)"),
        (b"\xf6", "ascii", "byte 0xF6 at offset 0"),
        (b"x", "hex", "unknown text encoding 'hex'"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, encoding: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_bytes(data)
    assert told in message(str(tmp_path / "f.txt"), encoding=encoding)


def test_a_corpus_says_its_language_and_a_file_is_taken_for_english(
    tmp_path: Path, install: Callable[[str, str, str], None]
) -> None:
    code = """
class Toy:
    "Texts."
    def read(self, item): return "Text. " * 1000
    def language(self, item): return {"": "ru", "x": "zh-CN", "bad": "no tag!"}.get(item)
"""
    install("toys", "[textgen.corpora]\ntoy = toys:Toy\n", code)
    (tmp_path / "own.txt").write_text("Eigener Text")
    own = str(tmp_path / "own.txt")
    assert [language_of([source]) for source in ("toy", "toy/x", own, "lee")] == ["ru", "zh-CN", "en", "en"]
    assert language_of(["toy", own, "toy"]) == "ru+en"
    assert load_corpus(["toy"]).info.language == "ru"
    for item, shown in (("bad", "'no tag!'"), ("other", "None")):
        with pytest.raises(TextgenError, match=f"returned {shown} as its language, not a tag"):
            language_of([f"toy/{item}"])


def test_what_a_shell_substitutes_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"the output of a command")
    os.close(writing)
    assert read_text([f"/dev/fd/{reading}"]) == (str(reading), "the output of a command")
    os.close(reading)


Install = Callable[..., None]
ENTRY_POINT = "[textgen.readers]\nshout = {name}:Shout\n"
SHOUT = """
class Shout:
    '''Files of lines, each of which is a document, in capitals.'''
    suffixes = (".shout", ".SHOUT".lower() + "2")
    def documents(self, file, field):
        for line in file.lines():
            {first}
            yield (line.strip().upper(),)
"""


def documents(*sources: object) -> list[str]:
    return list(map("".join, read_documents(list(map(str, sources)))[1]))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.shout").write_text("one\ntwo\n")
    return folder / "a.shout"


def test_two_readers_of_one_suffix_are_refused_by_name(text: Path, install: Install) -> None:
    for name in ("one", "two"):
        install(name, f"[textgen.readers]\n{name} = {name}:Shout\n", SHOUT.format(first="pass"))
    plain = text.with_name("a.txt")
    plain.write_text("plain")
    assert documents(plain) == ["plain"]
    with pytest.raises(
        TextgenError, match=r"\.shout files are claimed by reader 'one' .* and reader 'two' .*; uninstall"
    ):
        documents(text)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            "raise KeyError('no chapter')",
            r"read .*a\.shout: reader 'shout' \(.*\) failed: KeyError: 'no chapter' \(shout\.py, line 7",
        ),
        ("yield [b'bytes']", r"reader 'shout' \(.*\) yielded bytes instead of text"),
    ],
)
def test_a_reader_that_fails_is_named_with_the_file(
    first: str, message: str, text: Path, install: Install
) -> None:
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first=first))
    with pytest.raises(TextgenError, match=message) as caught:
        documents(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_library", r"reader 'shout' \(.*\) cannot be loaded: ModuleNotFoundError"),
        ("class Shout:\n    def documents(self, file, field): ...", r"has the suffixes \(\); declare some"),
        (SHOUT.format(first="pass") + "    def __init__(self): 1 / 0", r"failed: ZeroDivisionError"),
    ],
)
def test_a_reader_that_cannot_be_used_stops_no_other(
    code: str, message: str, text: Path, install: Install
) -> None:
    table = text.with_name("b.csv")
    table.write_text("text\nfrom a table\n")
    install("shout", ENTRY_POINT.format(name="shout"), code)
    with pytest.warns(TextgenWarning, match=message):
        assert documents(table) == ["from a table"]
    assert documents(text.parent) == ["from a table"]


def test_a_large_text_is_read_again_by_a_reader_that_has_changed(
    text: Path, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 1)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it is taken for current within a second
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first="pass"))
    assert load_text([str(text)], "raw").text[:] == "ONE\n\nTWO"
    code = tmp_path / "shout" / "shout.py"
    code.write_text(code.read_text().replace("upper()", "title()"))
    del sys.modules["shout"]
    registry.clear_caches()
    assert load_text([str(text)], "raw").text[:] == "One\n\nTwo"
