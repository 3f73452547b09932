"""Bytes to text in any encoding, whole or in pieces, with errors that name the likely encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from textgen.contracts import TextgenError

CHUNK_BYTES = 1 << 22
"""Bytes of a file that are read at a time."""


def decode_files(files: Sequence[Path], encoding: str) -> Iterator[str]:
    """Yield the text of files, with a blank line between them, in pieces; raises as `decode_chunks` does."""
    for index, path in enumerate(files):
        if index:
            yield "\n\n"
        yield from decode_chunks(read_chunks(path), str(path), encoding)


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in chunks."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise TextgenError(f"cannot read {path}: {error.strerror or error}") from None


def decode_chunks(chunks: Iterable[bytes], where: str, encoding: str) -> Iterator[str]:
    """Yield the text that chunks of bytes encode, without a byte-order mark; newlines stay.

    Raises `TextgenError`, with `where` and the offset, if they are empty, binary or not in this encoding.
    """
    try:
        is_ascii_based = "a\n".encode(encoding) == b"a\n"
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise TextgenError(
            f"unknown text encoding {encoding!r}; use utf-8, latin-1, cp1252 or utf-16, for example"
        ) from None
    num_bytes, is_utf16, is_empty = 0, False, True
    for chunk in chain(filter(None, chunks), (b"",)):
        is_utf16 |= not num_bytes and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if is_ascii_based and (zero := chunk.find(0)) >= 0:
            hint = "it may be text with --encoding utf-16" if is_utf16 else "give a plain text file"
            raise TextgenError(f"{where} is binary (a zero byte at offset {num_bytes + zero}); {hint}")
        num_pending = len(decoder.getstate()[0])  # the first bytes of a character that the chunk continues
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            other = "latin-1 or cp1252" if encoding.lower().startswith("utf") else "utf-8"
            offset = num_bytes - num_pending + error.start
            raise TextgenError(
                f"{where} is not {encoding}: byte 0x{error.object[error.start]:02X} at offset {offset}; "
                f"give its encoding, for example --encoding {other}"
            ) from None
        except UnicodeError as error:
            reason = f"{where} is not {encoding}: {error}; give its encoding with --encoding"
            raise TextgenError(reason) from None
        num_bytes += len(chunk)
        text = text.removeprefix("\ufeff") if is_empty else text
        is_empty &= not text
        yield text
    if is_empty:
        raise TextgenError(f"{where} is empty; give a text")


def utf8(text: str) -> bytes:
    """Return the UTF-8 bytes of `text`; a lone surrogate, which UTF-8 forbids, becomes three bytes."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(data: bytes) -> str:
    """Return the text of UTF-8 bytes, the inverse of `utf8`; invalid sequences become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
