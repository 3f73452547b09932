"""Texts in a field of JSON objects, one per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from textgen.contracts import TextFile, TextgenError
from textgen_readers.records import document, no_such_field


class JsonLines:
    """A field of the JSON objects of a file, one object per line; blank lines and nulls are left out."""

    suffixes = (".jsonl", ".ndjson")
    has_fields = True

    def documents(self, file: TextFile, field: str) -> Iterator[Iterable[str]]:
        """Yield the texts in a field of the objects."""
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
