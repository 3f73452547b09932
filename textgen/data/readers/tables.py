"""Texts in a field of each record: JSON lines, CSV and Parquet; a record is a document."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain

from textgen.contracts import TextgenError
from textgen.data.readers.budget import MAX_RECORD_CHARS, check_length
from textgen.data.readers.parquet_pages import rows_at_a_time
from textgen.data.readers.text_file import Document, TextFile, missing_library, naming_damage

FIELD = "text"
"""The field that is read unless another is named."""
DELIMITERS = ",;\t"
BLANK: Document = ()
"""A record without text, which is counted and left out."""


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
            reason = str(error).partition(";")[0]
            raise TextgenError(f"{place} is not JSON: {reason}; repair or remove the line") from None
        if not isinstance(record, dict):
            raise TextgenError(f"{place} is not a JSON object; give one object with a text per line")
        if field not in record:
            raise _no_such_field(place, field, list(record))
        yield _document(record[field], field, place)


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
                yield _document(row[names.index(field)], field, file.where)
    finally:
        csv.field_size_limit(limit)


def read_parquet(file: TextFile, field: str) -> Iterator[Document]:
    """Yield the texts in a column; raises `TextgenError` without pyarrow, or if they are far too many."""
    try:
        from pyarrow.parquet import ParquetFile
        from pyarrow.types import is_dictionary, is_large_string, is_null, is_string
    except ImportError:
        raise missing_library(file.where, "pyarrow") from None
    with naming_damage(file.where), file.seekable() as stream:
        table = ParquetFile(stream)
        if field not in table.schema_arrow.names:
            raise _no_such_field(file.where, field, table.schema_arrow.names)
        kind = table.schema_arrow.field(field).type
        if not (is_string(kind) or is_large_string(kind) or is_dictionary(kind) or is_null(kind)):
            raise _not_a_text(file.where, field, kind)
        schema = table.metadata.schema
        place = [schema.column(i).path for i in range(len(schema))].index(field)
        for group in range(table.num_row_groups):
            num_rows = rows_at_a_time(stream, table.metadata.row_group(group).column(place), file.where)
            for batch in table.iter_batches(num_rows, row_groups=[group], columns=[field]):
                for value in batch.column(0):
                    yield _document(value.as_py(), field, file.where)


def _document(value: object, field: str, place: str) -> Document:
    """Return a value as a document, which is `BLANK` if there is none or only white space."""
    if value is None:
        return BLANK
    if not isinstance(value, str):
        raise _not_a_text(place, field, type(value).__name__)
    check_length(len(value), place)
    return (value,) if value.strip() else BLANK


def _no_such_field(place: str, field: str, names: Sequence[str]) -> NoSuchFieldError:
    known = ", ".join(names) or "none"
    return NoSuchFieldError(f"{place} has no field {field!r}; name one after the path and a colon: {known}")


def _not_a_text(place: str, field: str, kind: object) -> TextgenError:
    return TextgenError(f"the field {field!r} of {place} is not a text, but of type {kind}; name another")
