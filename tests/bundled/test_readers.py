"""The bundled readers: the documents of each format, packed or not, and one line for a damaged file."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.texts import archive
from textgen.contracts import TextgenError
from textgen.data.sources import read_documents

DOCUMENTS = [f"{i} It rained, “again”.\n\nNobody came by." for i in range(30)]


def rows(field: str = "text") -> str:
    return "".join(json.dumps({"id": i, field: text}) + "\n" for i, text in enumerate(DOCUMENTS))


def table() -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"id": range(30), "text": DOCUMENTS}), file, row_group_size=7)
    return file.getvalue()


def zstandard() -> bytes:
    zstd = pytest.importorskip("backports.zstd", reason="on Python 3.14 it is in the standard library")
    return zstd.compress(rows().encode())  # type: ignore[no-any-return]


def book() -> bytes:
    """Return a book, which names a chapter twice."""
    page = "<html><head><title>No text</title></head><body><h1>{}</h1><p>It rained,\nagain.</p></body></html>"
    return archive(
        **{"META-INF/container.xml": '<container><rootfile full-path="in/book.opf"/></container>'},
        **{"in/book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="b" href="two%202.xhtml"/>'
            '<item id="a" href="one.xhtml"/><item id="c" href="../in/one.xhtml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/></spine></package>'
        )},
        **{"in/one.xhtml": page.format("One"), "in/two 2.xhtml": page.format("Two")},
    )  # fmt: skip


PAGE = """<html><head><title>No text</title><meta charset="iso-8859-1"><style>p {}</style></head><body>
<h1>A  <i>title</i> </h1><p>It rained,
“again”&amp;c.<br>A line<script>let p = "<p>";</script></p><ul><li>one<li>two</ul><pre>  as
    it is</pre></body>"""
CSV = "id;text\n" + "".join(f'{i};"{text}"\n' for i, text in enumerate(DOCUMENTS))

FILES: dict[str, tuple[Callable[[], bytes], list[str]]] = {
    "a.jsonl": (lambda: rows().encode(), DOCUMENTS),
    "a.jsonl:body": (lambda: rows("body").encode(), DOCUMENTS),
    "a.csv": (CSV.encode, DOCUMENTS),
    "a.parquet": (table, DOCUMENTS),
    "a.jsonl.gz": (lambda: gzip.compress(rows().encode()), DOCUMENTS),
    "a.JSONL.zst": (zstandard, DOCUMENTS),
    "a.md.gz": (lambda: gzip.compress(b"# Title\n\n*text*\n"), ["# Title\n\n*text*\n"]),
    "a.html": (
        lambda: PAGE.encode("cp1252"),
        ["A title\n\nIt rained, “again”&c.\nA line\n\none\ntwo\n\n  as\n    it is"],
    ),
    "a.epub": (book, ["One\n\nIt rained, again.\n\nTwo\n\nIt rained, again."]),
    "a.zip": (
        lambda: archive(
            b___c__py="code", a__txt="text", d__bin="other", __hidden__txt="other",
            e__csv="text\none\n", f__txt__gz=gzip.compress(b"packed"), g__epub=book(),
        ),
        ["text", "code", "one", "packed", "One\n\nIt rained, again.\n\nTwo\n\nIt rained, again."],
    ),
}  # fmt: skip


def documents(source: str) -> list[str]:
    return list(map("".join, read_documents([source])[1]))


@pytest.mark.parametrize("source", FILES)
def test_documents_of_each_format(source: str, tmp_path: Path) -> None:
    make, expected = FILES[source]
    (tmp_path / source.partition(":")[0]).write_bytes(make())
    assert documents(str(tmp_path / source)) == expected


@pytest.mark.parametrize("source", ["a.parquet", "a.jsonl.gz", "a.JSONL.zst", "a.epub", "a.zip"])
def test_a_cut_or_changed_file_is_one_line(source: str, tmp_path: Path) -> None:
    data, path = FILES[source][0](), tmp_path / source
    for damaged in (data[: len(data) // 2], b"no such format " * 9):
        path.write_bytes(damaged)
        with pytest.raises(
            TextgenError, match=rf"{source}.* is damaged, or its suffix is wrong: ."
        ) as caught:
            documents(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "data", "told"),
    [
        ("a.jsonl", rows()[:-9], "line 30 of {} is not JSON: Unterminated string"),
        ("a.jsonl", "[" * 100_000, "line 1 of {} is not JSON: maximum recursion depth"),
        ("a.jsonl", '{"text": "a"}\n\n{"body": "b", "id": 1}',
         "line 3 of {} has no field 'text'; name one after the path and a colon: body, id"),
        ("a.jsonl", "[1]", "line 1 of {} is not a JSON object"),
        ("a.jsonl:id", rows(), "the field 'id' of line 1 of {} has the type int, not text; name another"),
        ("a.jsonl", '{"text": null}', "{} is empty; give a text"),
        ("a.csv", CSV[:-9], "{} is damaged, or its suffix is wrong: unexpected end of data"),
        ("a.csv", "id,text\n1,one, two\n", "the row that ends at line 2 of {} has 3 values instead of 2"),
        ("a.csv:body", CSV, "{} has no field 'body'; name one after the path and a colon: id, text"),
        ("a.html", "<p>\ufeff\0", "{} is binary (a zero byte at offset 6)"),
        ("a.html", "<script>let a", "{} is empty; give a text"),
        ("a.txt:id", "text", "{} has no fields, so no 'id'; leave it out"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_record(source: str, data: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / source.partition(":")[0]
    path.write_text(data, "utf-8")
    with pytest.raises(TextgenError) as caught:
        documents(str(tmp_path / source))
    assert str(caught.value).startswith(told.format(path))
    assert "\n" not in str(caught.value)


def test_a_library_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"")
    with pytest.raises(TextgenError, match=r'needs pyarrow; run: pip install "textgen-bench\[formats\]"$'):
        documents(str(tmp_path / "a.parquet"))
