"""Texts in a column of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from textgen.contracts import TextFile, TextgenError
from textgen.data.text_file import MAX_RECORD_CHARS, naming_damage
from textgen_readers.records import document, no_such_field

DELIMITERS = ",;\t"


class Csv:
    """A column, which the first row names; commas, semicolons or tabs separate columns."""

    suffixes = (".csv", ".tsv")
    has_fields = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
        """Yield the texts in a column."""
        lines = file.lines()
        first = next(lines, "")
        delimiter = max(DELIMITERS, key=first.count)
        limit = csv.field_size_limit(MAX_RECORD_CHARS)
        try:
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
        finally:
            csv.field_size_limit(limit)
