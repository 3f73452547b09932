"""Texts in a column of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textgen.contracts import TextFile
from textgen.data.text_file import missing_library, naming_damage
from textgen_readers.parquet_pages import rows_at_a_time
from textgen_readers.records import document, no_such_field, not_a_text


class Parquet:
    """A column of a Parquet file; needs pyarrow."""

    suffixes = (".parquet",)
    has_fields = True
    is_binary = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
        """Yield the texts in a column; raises `TextgenError` without pyarrow, or if a page is too large."""
        try:
            from pyarrow.parquet import ParquetFile
            from pyarrow.types import is_dictionary, is_large_string, is_null, is_string
        except ImportError:
            raise missing_library(file.where, "pyarrow") from None
        with naming_damage(file.where), file.seekable() as stream:
            table = ParquetFile(stream)
            if field not in table.schema_arrow.names:
                raise no_such_field(file.where, field, table.schema_arrow.names)
            kind = table.schema_arrow.field(field).type
            if not (is_string(kind) or is_large_string(kind) or is_dictionary(kind) or is_null(kind)):
                raise not_a_text(file.where, field, kind)
            schema = table.metadata.schema
            place = [schema.column(i).path for i in range(len(schema))].index(field)
            for group in range(table.num_row_groups):
                num_rows = rows_at_a_time(stream, table.metadata.row_group(group).column(place), file.where)
                for batch in table.iter_batches(num_rows, row_groups=[group], columns=[field]):
                    for value in batch.column(0):
                        yield document(value.as_py(), field, file.where)
