"""Reading texts: files, folders, standard input and corpora by name."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.data.sources import language_of, read_documents


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


def test_a_file_goes_before_a_corpus_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wiki").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert read_text(["wiki"]) == ("wiki", "a file")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("no/such/folder", "no such file: no/such/folder"),
        ("gutenburg/austen-emma.txt", "did you mean 'gutenberg'?"),
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
    assert "contains no texts, such as .txt files" in message(str(tmp_path))


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


@pytest.mark.skipif(sys.platform == "win32", reason="needs /dev")
def test_a_device_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "endless.txt").symlink_to("/dev/zero")
    for source in ("/dev/zero", "/dev/urandom", str(tmp_path / "endless.txt")):
        with pytest.raises(
            TextgenError, match=rf"^{source} is a device; give a file, or - for standard input$"
        ):
            read_text([source], "utf-16")


def test_standard_input_is_refused_at_the_first_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/zero", encoding="utf-8") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        with pytest.raises(TextgenError, match=r"^standard input is binary \(a zero byte at offset 0\)"):
            read_text(["-"])


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
        with pytest.raises(TextgenError, match=f"returned {shown} as its language, instead of a tag"):
            language_of([f"toy/{item}"])


def test_a_named_pipe_is_refused_since_it_may_have_no_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    assert message(str(pipe)) == f"{pipe} is a pipe; give a file, or - for standard input"


def test_what_a_shell_substitutes_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"the output of a command")
    os.close(writing)
    assert read_text([f"/dev/fd/{reading}"]) == (str(reading), "the output of a command")
    os.close(reading)
