"""Bytes to text in any encoding, whole or in pieces, with errors that name the likely encoding."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from textgen.contracts import TextgenError, TextgenWarning
from textgen.defaults import ENCODING

CHUNK_BYTES = 1 << 22
"""Bytes of a file that are read at a time."""
MAX_STREAM_BYTES = 1 << 27
"""Bytes of standard input, or of another command's output, which are kept in memory."""
SAMPLE_BYTES = 100_000
"""Bytes before and after the first one that is not UTF-8 by which an encoding is guessed."""
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer marks come first: that of UTF-32 begins like one of UTF-16."""


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in chunks; raises `TextgenError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise TextgenError(f"cannot read {path}: {error.strerror or error}") from None


def decode_stream(stream: IO[bytes], where: str, encoding: str) -> Iterator[str]:
    """Yield the text of a stream, which is kept in memory, as `decode_chunks` does.

    Raises `TextgenError`, too, if it is too long for that.
    """
    data = stream.read(MAX_STREAM_BYTES + 1)
    if len(data) > MAX_STREAM_BYTES:
        raise TextgenError(
            f"{where} has more than {MAX_STREAM_BYTES:,} bytes; save it to a file, which may be larger "
            "than memory, and give the file"
        )
    if encoding == ENCODING:
        encoding = guess_encoding([data], where)
    yield from decode_chunks([data], where, encoding)


def guess_encoding(chunks: Iterable[bytes], where: str) -> str:
    """Return the encoding of a text by its byte-order mark, UTF-8 if it is that, otherwise a guess.

    A guess is said in a `TextgenWarning`. Raises `TextgenError` if there is none.
    """
    decoder, num_bytes = codecs.getincrementaldecoder("utf-8")(), 0
    for chunk in chain(filter(None, chunks), (b"",)):
        if not num_bytes and (marked := _marked(chunk)):
            return marked
        if b"\0" in chunk:
            break  # it is binary, which is said where it is decoded
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            offset = num_bytes + len(chunk) - len(error.object) + error.start
            return _guess(error.object, error.start, f"{where} is not utf-8", offset)
        num_bytes += len(chunk)
    return "utf-8"


def _marked(chunk: bytes) -> str | None:
    """Return the encoding of a text that begins with a byte-order mark."""
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS.items() if chunk.startswith(mark)), None)


def _guess(data: bytes, position: int, problem: str, offset: int) -> str:
    """Return the encoding of data with a byte that is not UTF-8; `offset` is that of the byte in its file."""
    sample = data[max(0, position - SAMPLE_BYTES) : position + SAMPLE_BYTES]
    if len(sample) > SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample  # without a last character that is cut
    problem = f"{problem}: byte 0x{data[position]:02X} at offset {offset}"
    as_utf8 = sample.decode("utf-8", "replace")
    num_bad = as_utf8.count("\ufffd")
    if len(as_utf8) - num_bad - len(sample.decode("ascii", "ignore")) > num_bad:
        raise TextgenError(f"{problem}, but the rest is: repair it, or give its encoding with --encoding")
    try:
        from chardet import detect
    except ImportError:
        raise TextgenError(
            f"{problem}; give its encoding, for example --encoding cp1252, or to have it guessed, run: "
            'pip install "textgen-bench[formats]"'
        ) from None
    encoding = detect(sample)["encoding"]
    if encoding is None:
        raise TextgenError(f"{problem}; give its encoding, for example --encoding cp1252")
    warnings.warn(
        f"{problem}; reading it as {encoding}, a guess; see --encoding", TextgenWarning, stacklevel=2
    )
    return encoding


def decode_chunks(chunks: Iterable[bytes], where: str, encoding: str) -> Iterator[str]:
    """Yield the text that chunks of bytes encode, without a byte-order mark; newlines stay.

    Raises `TextgenError`, with `where` and the offset, if they are binary or not in this encoding.
    """
    try:
        is_ascii_based = "a\n".encode(encoding) == b"a\n"
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise TextgenError(
            f"unknown text encoding {encoding!r}; use for example utf-8, latin-1, cp1252 or utf-16"
        ) from None
    num_bytes, is_empty = 0, True
    for chunk in chain(filter(None, chunks), (b"",)):
        if is_ascii_based and (zero := chunk.find(0)) >= 0:
            place = f"a zero byte at offset {num_bytes + zero}"
            raise TextgenError(f"{where} is binary ({place}); give a text, or its encoding with --encoding")
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


def utf8(text: str) -> bytes:
    """Return the UTF-8 bytes of `text`; a lone surrogate, which UTF-8 forbids, becomes three bytes."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(data: bytes) -> str:
    """Return the text of UTF-8 bytes, the inverse of `utf8`; invalid sequences become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
