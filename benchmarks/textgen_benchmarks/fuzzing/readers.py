"""Texts in files of other formats: damage within their structure, and small files that ask for everything."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

from textgen.data.corpus import load_corpus
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.mutations import damaged, hostile_value
from textgen_benchmarks.fuzzing.texts import any_text
from textgen_kit.texts import PROSE

TAGS = (
    "<p>",
    "</p>",
    "<br>",
    "<div",
    "<script>",
    "</script",
    "<style>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<pre>",
    "<table><tr><td>",
    "<a x='",
    '"',
    "<?xml version='1.0' encoding='utf-16'?>",
    "<?",
    "&",
    "&#",
    "&#x110000;",
    "&#0;",
    "&amp",
    "&bogus;",
    "<svg><title>",
    "<math>",
    "<template>",
    "<plaintext>",
    "<noscript>",
    "<frameset>",
    "\0",
    "<meta charset=utf-16>",
    "<title>",
    "<!DOCTYPE html [<!ENTITY x 'y'>]>",
    "<b><i></b></i>",
    "<li>",
    "<h1>",
    "<textarea>",
    "<xmp>",
    "\ufeff",
    "</",
    "<",
    ">",
    "<p " + "x" * 200 + ">",
)


def page(chance: random.Random) -> bytes:
    """Return a page of HTML that is hardly one; one piece may be there a thousand times."""
    pieces = [
        chance.choice(TAGS) if chance.random() < 0.5 else PROSE[: chance.randint(1, 300)]
        for _ in range(chance.randint(1, 30))
    ]
    if chance.random() < 0.25:
        pieces.insert(
            chance.randrange(len(pieces)), chance.choice(TAGS) * chance.choice((1000, 20_000, 100_000))
        )
    encoding = chance.choice(("utf-8", "utf-8", "utf-16", "latin-1"))
    return "".join(pieces).encode(encoding, "replace")


def lines(chance: random.Random) -> bytes:
    """Return lines of JSON, some with other values than texts."""
    rows = [{"text": PROSE[: chance.randint(0, 400)], "n": 1} for _ in range(chance.randint(1, 8))]
    for row in rows:
        if chance.random() < 0.2:
            row[chance.choice(("text", "n", "x"))] = hostile_value(chance)
    text = "\n".join(json.dumps(row).replace('"@deep@"', "[" * 100_000 + "]" * 100_000) for row in rows)
    if chance.random() < 0.1:
        text += "\n" + chance.choice(
            ("{},", "[", "[0,", '{"text":', '"\\u0000', "1e999 ", " ")
        ) * chance.choice((1000, 10**6))
    return text.encode("utf-8", "surrogatepass")


def table(chance: random.Random) -> bytes:
    """Return a table of CSV with quotes and cells that are odd."""
    cells = (
        "a",
        "text",
        '"',
        '"x',
        "x\ny",
        '"x\ny"',
        ",",
        "",
        "\0",
        "é",
        "x" * 3000,
        '""',
        "\r",
        ";",
        "\t",
        PROSE[:200].replace("\n", " "),
    )
    mark = chance.choice((",", "\t", ";"))
    rows = [
        mark.join(chance.choice(cells) for _ in range(2 if chance.random() < 0.8 else 3))
        for _ in range(chance.randint(1, 20))
    ]
    text = f"text{mark}n\n" + chance.choice(("\n", "\r\n")).join(rows)
    text += '"' + "x," * chance.choice((0, 0, 10**5, 10**6))
    return text.encode()


def parquet(chance: random.Random) -> bytes:
    """Return a table of Parquet, with small pages of large values at times."""
    import pyarrow as arrow
    import pyarrow.parquet

    number = chance.choice((0, 1, 5, 20))
    large = chance.choice((10, 10, 1000, 10**6, 3 * 10**7))
    texts: list[object] = ["x" * large if index % 7 == 0 else PROSE[:200] for index in range(number)]
    if chance.random() < 0.3:
        texts = [None, *texts]
    columns = {"text": texts, "n": list(range(len(texts)))}
    if chance.random() < 0.2:
        columns["text"] = chance.choice(
            ([[each] for each in texts], [1.5] * len(texts), [{"a": each} for each in texts])
        )
    out = io.BytesIO()
    options = {
        "compression": chance.choice(("snappy", "zstd", "gzip", "none", "brotli")),
        "use_dictionary": chance.random() < 0.5,
    }
    arrow.parquet.write_table(arrow.table(columns), out, **options)
    return out.getvalue()


def book(chance: random.Random) -> bytes:
    """Return a book of EPUB whose list of chapters is odd."""
    ids = [f"c{number}" for number in range(chance.randint(1, 5))]
    items = "".join(
        f'<item id="{each}" href="{each}.xhtml" media-type="application/xhtml+xml"/>' for each in ids
    )
    spine = "".join(
        f'<itemref idref="{chance.choice((*ids, "absent") if chance.random() < 0.1 else ids)}"/>'
        for _ in range(chance.choice((1, 3, 5, 20_000)))
    )
    href = chance.choice(
        ("content.opf", "content.opf", "content.opf", "../../etc/passwd", "", "/etc/passwd", "a" * 70_000)
    )
    doctype = (
        '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY e SYSTEM "file:///etc/passwd">]>'
        if chance.random() < 0.1
        else ""
    )
    opf = f'{doctype}<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>'
    opf += "<a/>" * chance.choice((0, 0, 0, 10**6))
    container = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    container += f'<rootfiles><rootfile full-path="{href}"/></rootfiles></container>'
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("content.opf", damaged(opf.encode(), chance) if chance.random() < 0.1 else opf)
        for each in ids:
            archive.writestr(f"{each}.xhtml", page(chance) if chance.random() < 0.7 else b"<p>x" * 10**6)
    return out.getvalue()


def plain(chance: random.Random) -> bytes:
    """Return a plain text in some encoding."""
    text = any_text(chance) + PROSE[:500]
    return text.encode(chance.choice(("utf-8", "utf-16", "latin-1")), "ignore") * chance.choice((1, 1, 100))


FORMATS: dict[str, Callable[[random.Random], bytes]] = {
    "html": page,
    "htm": page,
    "xhtml": page,
    "jsonl": lines,
    "csv": table,
    "tsv": table,
    "parquet": parquet,
    "epub": book,
    "txt": plain,
    "md": plain,
}


def packed(data: bytes, name: str, chance: random.Random) -> tuple[bytes, str]:
    """Return a file in an archive or compressed, perhaps again."""
    kind = chance.randrange(3)
    if kind == 0:
        return gzip.compress(data) * chance.choice((1, 1, 2)), f"{name}.gz"
    if kind == 1:
        try:
            from compression import zstd  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return data, name
        return zstd.compress(data), f"{name}.zst"
    out = io.BytesIO()
    with ZipFile(out, "w", chance.choice((ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA))) as archive:
        for number in range(chance.choice((1, 1, 2, 3000))):
            inner = chance.choice(
                (
                    name,
                    f"{number}.{name}",
                    f"../{name}",
                    f"/{name}",
                    f"a/{number}/{name}",
                    "x.zip",
                    f"{name}.gz",
                )
            )
            archive.writestr(inner, data if number < (1 if len(data) > 10**6 else 20) else b"")
    return out.getvalue(), "x.zip"


def bomb(chance: random.Random) -> tuple[bytes, str]:
    """Return a small file that unpacks to a lot."""
    zeros = bytes(chance.choice((10**6, 3 * 10**7)))
    filling = chance.choice(
        (
            zeros,
            b"word " * (len(zeros) // 5),
            b"\n" * len(zeros),
            b"<p>" * (len(zeros) // 3),
            b"{}\n" * (len(zeros) // 3),
        )
    )
    name = chance.choice(("x.txt", "x.html", "x.jsonl", "x.csv"))
    return packed(filling, name, chance)


def text(case: Case) -> str | None:
    """Read a file of some format, damaged, packed, or a bomb."""
    chance = case.chance
    suffix = chance.choice(sorted(FORMATS))
    data, name = FORMATS[suffix](chance), f"x.{suffix}"
    if chance.random() < 0.35:
        data = damaged(data, chance)
    if chance.random() < 0.2:
        data, name = packed(data, name, chance)
        if chance.random() < 0.3:
            data, name = packed(data, name, chance)
        data = damaged(data, chance) if chance.random() < 0.3 else data
    elif chance.random() < 0.04:
        data, name = bomb(chance)
    path = case.place / name
    path.write_bytes(data)
    field = chance.choice(("", "", ":text", ":n", ":absent")) if chance.random() < 0.7 else ""
    source = chance.choice((str(path), str(path), str(case.place))) + field
    cleaner = chance.choice(("raw", "raw", "prose", "letters"))
    before = sum(each.stat().st_size for each in Path(case.place).rglob("*"))
    corpus = load_corpus([source], cleaner, max_chars=chance.choice((None, None, 2000)))
    size = len(corpus.text)
    return f"too much: {size} characters of {before} bytes" if size > 10**8 + 200 * before else None


KINDS = (Kind("texts of other formats", text, 2500, seconds=20),)
