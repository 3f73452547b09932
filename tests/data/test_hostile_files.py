"""Small files that ask for everything: each is refused in a line, before memory, disk or patience are."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.texts import archive
from textgen.contracts import TextgenError
from textgen.data import text_file
from textgen.data.cleaning import load_text
from textgen.data.sources import read_documents
from textgen_readers import tables

PROSE = "It rained. " * 1_600_000
RATIO = "{} unpacks to over 200 times its size; if it is a text, unpack it"
LONG = "{} has a record of more than 16,777,216 characters; split it"


def book(package: str, **pages: str) -> bytes:
    container = '<container><rootfile full-path="b.opf"/></container>'
    return archive(**{"META-INF/container.xml": container}, b__opf=package, **pages)


def parquet(values: list[Any], **options: Any) -> bytes:
    pyarrow, file = pytest.importorskip("pyarrow"), io.BytesIO()
    table = pyarrow.table({"text": values})
    pytest.importorskip("pyarrow.parquet").write_table(table, file, **options)
    return file.getvalue()


def read(path: Path) -> list[str]:
    return list(map("".join, read_documents([str(path)])[1]))


HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    ("a.txt.gz", lambda: gzip.compress(PROSE.encode()), RATIO),
    ("a.zip", lambda: archive(a__txt=PROSE[:9_000_000], b__txt=PROSE[:9_000_000]), RATIO),
    ("a.epub", lambda: book("<a>" + "<a/>" * 4_200_000 + "</a>"), LONG.format("{}/b.opf")),
    ("a.jsonl", lambda: b'{"text": "a", "more": [' + b"{}," * 5_600_000, LONG),
    ("b.jsonl", lambda: b'{"text": ' + b"1" * 5000 + b"}", "line 1 of {} is not JSON: Exceeds the limit"),
    ("a.parquet", lambda: parquet([PROSE] * 3), LONG),
    ("b.parquet", lambda: parquet([[{"a": ["x"]}]]), "the field 'text' of {} is not a text, but of type"),
    ("a.html", lambda: b"<a x='\"" * 150_000, "{} is empty; give a text"),
    ("b.html", lambda: b"<span>" * 5000 + b"</div>" * 9, "{} nests more than 1,000 elements; leave it out"),
    ("c.html", lambda: b"<a " + b"x" * (5 << 22), LONG),
    ("d.html", lambda: b"<p charset=punycode>" + b"a" * 99_999 + b"-b", "unknown text encoding 'punycode'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "told"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_file_that_asks_for_too_much(
    name: str, make: Callable[[], bytes], told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(TextgenError, match="^" + re.escape(told.format(path))):
        read(path)


def test_records_chapters_and_time_are_limited_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "SMALL_BYTES", 10_000)
    items = "".join(f'<item id="{i}" href="{i}.html"/><itemref idref="{i}"/>' for i in range(99))
    chapters = {f"{i}__html": "<p>" + "a" * 199_999 for i in range(99)}
    for name, data in {
        "a.parquet": parquet([None, "a"] + [None] * 999_999),
        "a.epub": book(f"<package>{items}</package>", **chapters),
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(TextgenError, match="unpacks to over 200 times"):
            read(tmp_path / name)
    monkeypatch.setattr(text_file, "MAX_SECONDS", 0.01)
    path = tmp_path / "a.zip"
    path.write_bytes(archive(a__txt__gz=gzip.compress(b"") * 10_000))
    with pytest.raises(TextgenError, match="gives no text for"):
        read(path)


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"data_page_version": "2.0"}])
def test_pages_are_measured_before_they_are_unpacked(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, texts = tmp_path / "a.parquet", [f"{i} It rained. " * 99 for i in range(30)]
    path.write_bytes(parquet(texts, row_group_size=20, **options))
    assert read(path) == texts
    monkeypatch.setattr(tables, "MAX_PAGE_BYTES", 10_000)
    with pytest.raises(
        TextgenError, match=r"has a page of [23]\d,\d\d\d bytes; write it with fewer rows per"
    ):
        read(path)


@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="needs holes in files")
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.zip", "a.parquet"])
def test_a_sparse_file_is_not_hashed(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"It rained. " * 10_000)
    os.truncate(path, 40 << 30)
    with pytest.raises(TextgenError, match=r"has a hole at offset \d+,\d+; give a file that is complete$"):
        load_text([str(path)], "raw")


@pytest.mark.parametrize("source", ["/proc/kmsg", "/proc/version"])
def test_a_file_without_size_is_not_waited_for(source: str) -> None:
    if not os.path.exists(source):
        pytest.skip("needs /proc")
    with pytest.raises(TextgenError, match=f"^{source} is empty; give a text$"):
        read(Path(source))


def test_standard_input_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        """What `yes words` writes."""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"words\n" * (len(buffer) // 6) + b"words\n"[: len(buffer) % 6]
            return len(buffer)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    told = (
        r"^standard input has more than 134,217,728 bytes; save it in a file, which may be larger than memory"
    )
    with pytest.raises(TextgenError, match=told):
        read(Path("-"))
