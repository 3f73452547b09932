"""Files of texts: folders of them, encodings, limits, and corpora of documents."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given

from helpers.texts import archive
from textgen.contracts import TextgenError, TextgenWarning
from textgen.data import cleaning, readers, text_file
from textgen.data.cleaning import load_text
from textgen.data.decoding import decode_chunks
from textgen.data.sources import read_documents
from textgen.data.text import FileText


def records(field: str) -> str:
    """Return thirty documents in a field of JSON lines, each of which begins with its number."""
    texts = [f"{i} It rained, “again”.\n\nNobody came by." for i in range(30)]
    return "".join(json.dumps({"id": i, field: text}) + "\n" for i, text in enumerate(texts))


def documents(source: str) -> list[str]:
    return list(map("".join, read_documents([source])[1]))


def test_a_folder_of_files_of_all_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    (folder / "more").mkdir(parents=True)
    (folder / ".git").mkdir()
    files = {
        "a.py": "code",
        "b.log": "a line",
        "c.png": "no text",
        "d.txt": "",
        "more/e.c": "more",
        ".git/f.txt": "x",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "f.jsonl").write_text('{"body": "of a record"}')
    (folder / "g.zip").write_bytes(archive(a__txt="packed"))
    assert documents(f"{folder}:body") == ["code", "a line", "", "of a record", "packed", "more"]
    with pytest.warns(TextgenWarning, match=r"skipped: .*f\.jsonl has no field 'text'; name one .*: body$"):
        assert documents(str(folder)) == ["code", "a line", "", "packed", "more"]


# --- encodings


@pytest.mark.parametrize(
    ("text", "encoding", "guessed"),
    [
        ("Ein schöner Tag an der Fähre. ", "cp1252", "Windows-1252"),
        ("Все счастливые семьи похожи друг на друга. ", "koi8-r", "KOI8-R"),
        ("吾輩は猫である。名前はまだ無い。", "shift_jis", "CP932"),
        ("Привет", "utf-16", None),
        ("Привет", "utf-8-sig", None),
    ],
)
def test_an_encoding_is_guessed_and_said(
    text: str, encoding: str, guessed: str | None, tmp_path: Path
) -> None:
    pytest.importorskip("chardet")
    path = tmp_path / "a.txt"
    path.write_bytes((text * 9).encode(encoding))
    if guessed is None:
        assert documents(str(path)) == [text * 9]
        return
    told = rf"a\.txt is not utf-8: byte 0x\w\w at offset \d+; reading it as {guessed}, a guess"
    with pytest.warns(TextgenWarning, match=told):
        assert documents(str(path)) == [text * 9]


def test_a_damaged_utf_8_text_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Ein schöner Tag, “wirklich”. ".encode() * 9 + b"\xff")
    with pytest.raises(TextgenError, match=r"byte 0xFF at offset \d+, but the rest is: repair it"):
        documents(str(tmp_path / "a.txt"))


# --- limits


LONG = "{} has a record of more than 1,000 characters; split it"
SIZE = "{} unpacks to more than 0 GiB; split it"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt.gz", gzip.compress(b"It rained. " * 2000), SIZE),
        ("a.zip", archive(a__txt="It rained. " * 1000, b__txt="It rained. " * 1000), SIZE),
        ("a.jsonl", b'{"text": "a", "more": [' + b"{}," * 500, LONG),
        ("a.html", b"<a " + b"x" * 1000, LONG),
        ("b.jsonl", b'{"text": ""}\n' * 11, "{} has more than 10 records; split it"),
    ],
    ids=["compressed", "archive", "line", "page", "records"],
)
def test_a_file_beyond_a_limit_is_refused(
    name: str, data: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "MAX_BYTES", 20_000)
    monkeypatch.setattr(text_file, "MAX_RECORD_CHARS", 1000)
    monkeypatch.setattr(readers, "MAX_RECORDS", 10)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TextgenError, match="^" + re.escape(message.format(tmp_path / name))):
        documents(str(tmp_path / name))


def test_standard_input_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textgen.data.decoding.MAX_STREAM_BYTES", 9_000_000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"words\n" * 2_000_000)))
    with pytest.raises(TextgenError, match=r"^standard input has more than 9,000,000 bytes; save it to a"):
        documents("-")


# --- from files to a corpus


def test_a_large_table_gives_the_text_and_borders_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(records("body").encode()))
    for cleaner in ("prose", "raw"):
        small = load_text([f"{path}:body"], cleaner)
        with monkeypatch.context() as patch:
            patch.setattr(cleaning, "MAX_IN_MEMORY", 600)  # more than it has bytes, fewer than characters
            patch.setattr(cleaning, "BLOCK_CHARS", 100)
            large = load_text([f"{path}:body"], cleaner)
        assert isinstance(large.text, FileText)
        assert (large.text[:], large.borders) == (small.text, small.borders)
        begins = [0, *small.borders]
        assert [small.text[begin : begin + 6].split()[0] for begin in begins] == list(map(str, range(30)))


# --- bytes to text: in pieces as in one


@given(text=...)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_bytes_are_decoded_in_pieces(encoding: str, text: str) -> None:
    data = ("A text: " + text.replace("\0", "")).encode(encoding, "ignore")
    pieces = [data[place : place + 1] for place in range(len(data))]
    assert "".join(decode_chunks(pieces, "x", encoding)) == data.decode(encoding)
