"""Files that ask for too much memory or time: each is refused in a line."""

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
from textgen.data import readers, text_file
from textgen.data.sources import read_documents

LONG = "{} has a record of more than 1,000 characters; split it"
SIZE = "{} unpacks to more than 0 GiB; give a part of it"


def book(package: str) -> bytes:
    container = '<container><rootfile full-path="b.opf"/></container>'
    return archive(**{"META-INF/container.xml": container}, b__opf=package)


def parquet(values: list[Any]) -> bytes:
    pyarrow, file = pytest.importorskip("pyarrow"), io.BytesIO()
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table({"text": values}), file)
    return file.getvalue()


def read(path: Path) -> list[str]:
    return list(map("".join, read_documents([str(path)])[1]))


HOSTILE: list[tuple[str, Callable[[], bytes], str]] = [
    ("a.txt.gz", lambda: gzip.compress(b"It rained. " * 2000), SIZE),
    ("a.zip", lambda: archive(a__txt="It rained. " * 1000, b__txt="It rained. " * 1000), SIZE),
    ("a.epub", lambda: book("<a>" + "<a/>" * 300 + "</a>"), LONG.format("{}/b.opf")),
    ("a.jsonl", lambda: b'{"text": "a", "more": [' + b"{}," * 500, LONG),
    ("b.jsonl", lambda: b'{"text": ' + b"1" * 5000 + b"}", "line 1 of {} is not JSON: Exceeds the limit"),
    ("c.jsonl", lambda: b'{"text": ""}\n' * 11, "{} has more than 10 records; split it"),
    ("a.parquet", lambda: parquet(["It rained. " * 100]), LONG),
    ("b.parquet", lambda: parquet([[{"a": ["x"]}]]), "the field 'text' of {} is not a text, but of type"),
    ("a.html", lambda: b"<a x='\"" * 100, "{} is empty; give a text"),
    ("b.html", lambda: b"<i>" * 50 + b"</div>" * 9, "{} nests more than 40 elements; leave it out"),
    ("c.html", lambda: b"<a " + b"x" * 1000, LONG),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "told"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_file_that_asks_for_too_much(
    name: str, make: Callable[[], bytes], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "MAX_BYTES", 20_000)
    monkeypatch.setattr(text_file, "MAX_RECORD_CHARS", 10_000 if name == "b.jsonl" else 1000)
    monkeypatch.setattr(readers, "MAX_RECORDS", 10)
    monkeypatch.setattr("textgen_readers.markup.MAX_DEPTH", 40)
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(TextgenError, match="^" + re.escape(told.format(path))):
        read(path)


@pytest.mark.parametrize("source", ["/proc/kmsg", "/proc/version"])
def test_a_file_without_size_is_not_waited_for(source: str) -> None:
    if not os.path.exists(source):
        pytest.skip("needs /proc")
    with pytest.raises(TextgenError, match=f"^{source} is empty; give a text$"):
        read(Path(source))


def test_standard_input_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textgen.data.decoding.MAX_STREAM_BYTES", 9_000_000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"words\n" * 2_000_000)))
    told = (
        r"^standard input has more than 9,000,000 bytes; save it in a file, which may be larger than memory"
    )
    with pytest.raises(TextgenError, match=told):
        read(Path("-"))
