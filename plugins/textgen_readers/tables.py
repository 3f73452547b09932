"""Texts in a column of CSV or Parquet files, or in a field of JSON objects, one per line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from textgen.contracts import NoSuchFieldError, TextFile, TextgenError
from textgen.data.text_file import MAX_RECORD_CHARS, check_length, missing_library, naming_damage

DELIMITERS = ",;\t"
csv.field_size_limit(MAX_RECORD_CHARS)
ROWS_AT_A_TIME = 64
"""Rows of a Parquet file that are in memory, of which each may have `MAX_RECORD_CHARS` characters."""


class Csv:
    """A column, which the first row names; commas, semicolons or tabs separate columns."""

    suffixes = (".csv", ".tsv")
    has_fields = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
        lines = file.lines()
        first = next(lines, "")
        delimiter = max(DELIMITERS, key=first.count)
        with naming_damage(file.where):
            rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
            names = next(rows, [])
            if field not in names:
                raise no_such_field(file.where, field, names)
            for row in filter(None, rows):
                if len(row) != len(names):
                    raise TextgenError(
                        f"the row that ends at line {rows.line_num} of {file.where} has {len(row)} "
                        f"values instead of {len(names)}; repair or remove it"
                    )
                yield document(row[names.index(field)], field, file.where)


class JsonLines:
    """A field of the JSON objects of a file, one object per line; blank lines and nulls are left out."""

    suffixes = (".jsonl", ".ndjson")
    has_fields = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
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
                raise no_such_field(place, field, list(record))
            yield document(record[field], field, place)


class Parquet:
    """A column of a Parquet file; needs pyarrow."""

    suffixes = (".parquet",)
    has_fields = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
        """Yield the texts in a column; raises `TextgenError` without pyarrow."""
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise missing_library(file.where, "pyarrow") from None
        with naming_damage(file.where), file.seekable() as stream:
            table = ParquetFile(stream)
            if field not in table.schema_arrow.names:
                raise no_such_field(file.where, field, table.schema_arrow.names)
            for batch in table.iter_batches(ROWS_AT_A_TIME, columns=[field]):
                for value in batch.column(0):
                    yield document(value.as_py(), field, file.where)


def document(value: object, field: str, place: str) -> Iterable[str]:
    """Return a value as a document, an empty one if there is none or only white space."""
    if value is None:
        return ()
    if not isinstance(value, str):
        kind = type(value).__name__
        raise TextgenError(f"the field {field!r} of {place} has the type {kind}, not text; name another")
    check_length(len(value), place)
    return (value,) if value.strip() else ()


def no_such_field(place: str, field: str, names: Sequence[str]) -> NoSuchFieldError:
    """Return the error about a field that a record lacks."""
    known = ", ".join(names) or "none"
    return NoSuchFieldError(f"{place} has no field {field!r}; name one after the path and a colon: {known}")
