"""Pages of Parquet, whose sizes are looked at before pyarrow unpacks them: it holds a whole one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from textgen.contracts import TextgenError
from textgen.data.text_file import MAX_RECORD_CHARS

MAX_PAGE_BYTES = 1 << 29
"""A page is often a group of rows: a thousand books are 400 MB."""
MAX_ROWS = 1024


def rows_at_a_time(stream: IO[bytes], column: Any, where: str) -> int:
    """Return how many rows of a column chunk, given as its metadata, are `MAX_RECORD_CHARS` bytes at most.

    Raises `TextgenError` if a page is too large to be held.
    """
    most = 1.0  # bytes of a row
    for num_bytes, num_values in _page_sizes(stream, column):
        if num_bytes > MAX_PAGE_BYTES:
            raise TextgenError(
                f"{where} has a page of {num_bytes:,} bytes; write it with fewer rows per row group"
            )
        most = max(most, num_bytes / max(1, num_values))
    return min(MAX_ROWS, int(MAX_RECORD_CHARS / most) or 1)


def _page_sizes(stream: IO[bytes], column: Any) -> Iterator[tuple[int, int]]:
    """Yield the unpacked size of each page, and its number of values; 1 of a dictionary: all may be that."""
    begin = column.dictionary_page_offset or column.data_page_offset
    end = begin + column.total_compressed_size
    stream.seek(begin)
    while stream.tell() < end:
        page = _struct(stream)
        yield page[2], (page.get(5) or page.get(8) or {1: 1})[1]  # the header of data, of either version
        stream.seek(page[3], 1)


def _struct(stream: IO[bytes]) -> dict[int, Any]:
    """Return the fields of a struct by number, in Thrift's compact protocol as Parquet's headers use it."""
    fields, number = {}, 0
    while head := stream.read(1)[0]:
        number = number + (head >> 4) if head >> 4 else _integer(stream)
        match head & 15:
            case 1 | 2:
                value: Any = head & 15 == 1
            case 4 | 5 | 6:
                value = _integer(stream)
            case 8:
                value = stream.seek(_varint(stream), 1)
            case 12:
                value = _struct(stream)
            case kind:
                raise ValueError(f"a page with a field of type {kind}")
        fields[number] = value
    return fields


def _integer(stream: IO[bytes]) -> int:
    number = _varint(stream)
    return (number >> 1) ^ -(number & 1)


def _varint(stream: IO[bytes]) -> int:
    number, shift = 0, 0
    while (byte := stream.read(1)[0]) > 127:
        number |= (byte & 127) << shift
        shift += 7
    return number | byte << shift
