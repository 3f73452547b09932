"""Texts in a field of each record: JSON lines, CSV and Parquet; a record is a document."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain

from textgen.contracts import TextgenError
from textgen.data.readers.text_file import (
    MAX_RECORD_CHARS,
    Document,
    TextFile,
    check_length,
    max_unpacked,
    missing_library,
    naming_damage,
    too_packed,
)

FIELD = "text"
"""The field that is read unless another is named."""
DELIMITERS = ",;\t"
MAX_ROWS = 64
"""Rows of a Parquet file that are in memory at a time."""


class NoSuchFieldError(TextgenError):
    """The first record of a table, or a later one, lacks the field that is read."""


def read_json_lines(file: TextFile, field: str) -> Iterator[Document]:
    """Yield the texts in a field of the objects, one per line; blank lines and nulls are left out."""
    for number, line in enumerate(file.lines(), 1):
        if not line.strip():
            continue
        place = f"line {number} of {file.where}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TextgenError(f"{place} is not JSON: {error}; repair or remove the line") from None
        if not isinstance(record, dict):
            raise TextgenError(f"{place} is not a JSON object; give one object with a text per line")
        if field not in record:
            raise _no_such_field(place, field, list(record))
        yield from _document(record[field], field, place)


def read_csv(file: TextFile, field: str) -> Iterator[Document]:
    """Yield the texts in a column, which the first row names; commas, semicolons or tabs separate columns."""
    lines = file.lines()
    first = next(lines, "")
    delimiter = max(DELIMITERS, key=first.count)
    limit = csv.field_size_limit(MAX_RECORD_CHARS)
    try:
        with naming_damage(file.where):
            rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
            names = next(rows, [])
            if field not in names:
                raise _no_such_field(file.where, field, names)
            for row in filter(None, rows):
                if len(row) != len(names):
                    raise TextgenError(
                        f"the row that ends at line {rows.line_num} of {file.where} has {len(row)} values "
                        f"instead of {len(names)}; repair or remove it"
                    )
                yield from _document(row[names.index(field)], field, file.where)
    finally:
        csv.field_size_limit(limit)


def read_parquet(file: TextFile, field: str) -> Iterator[Document]:
    """Yield the texts in a column; raises `TextgenError` without pyarrow, or if they are far too many."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise missing_library(file.where, "pyarrow") from None
    with naming_damage(file.where), file.seekable() as stream:
        names = ParquetFile(stream).schema_arrow.names
        if field not in names:
            raise _no_such_field(file.where, field, names)
        table = ParquetFile(stream, read_dictionary=[field])  # a repeated value is kept once
        num_chars, max_chars = 0, max_unpacked(stream.seek(0, 2))
        for batch in table.iter_batches(MAX_ROWS, columns=[field]):
            for value in batch.column(0):
                for document in _document(value.as_py(), field, file.where):
                    num_chars += len(document[0])
                    if num_chars > max_chars:
                        raise too_packed(file.where)
                    yield document


def _document(value: object, field: str, place: str) -> Iterator[tuple[str]]:
    """Yield a value as a document, unless there is none or it is blank."""
    if value is None:
        return
    if not isinstance(value, str):
        kind = type(value).__name__
        raise TextgenError(f"the field {field!r} of {place} is not a text, but of type {kind}; name another")
    check_length(value, place)
    if value.strip():
        yield (value,)


def _no_such_field(place: str, field: str, names: Sequence[str]) -> NoSuchFieldError:
    known = ", ".join(names) or "none"
    return NoSuchFieldError(f"{place} has no field {field!r}; name one after the path and a colon: {known}")
