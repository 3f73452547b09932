"""Files of word vectors: GloVe text, word2vec text and binary, each plain or .gz.

What a file unpacks to is limited by its size.
"""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TextgenError, WordVectors
from textgen.runtime.storage.files import open_plain

FORMATS = "GloVe text, word2vec text or binary (plain or .gz), as of gensim's save_word2vec_format"
HEAD_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 20
MAX_WORD_BYTES = 1 << 12
CHUNK_BYTES = 1 << 20
MAX_RATIO = 20
"""Bytes that a byte of a .gz file of more than `SMALL_BYTES` may stand for; vectors give 3, zeros 1,000."""
SMALL_BYTES = 1 << 24


def read_vectors(path: str | Path) -> WordVectors:
    """Return the vectors in a file; its format is recognised by its content.

    Raises `TextgenError` with the path if the file is missing, cut off or in another format.
    """
    path = Path(os.path.expanduser(path))
    try:
        with _open(path) as file:
            head = file.read(HEAD_BYTES)
        header = _header(head.partition(b"\n")[0])
        if _is_text(head):
            return _read_text(path, header)
        if header is None:
            raise ValueError(f"not a file of word vectors; known formats: {FORMATS}")
        return _read_binary(path, *header)
    except OSError as error:
        raise TextgenError(
            f"cannot read the word vectors {path}: {error.strerror or error}; check path="
        ) from error
    except (EOFError, ValueError, zlib.error) as error:
        raise TextgenError(f"word vectors {path}: {str(error).splitlines()[0]}") from error


def _finite(words: list[str], table: NDArray[np.float32]) -> WordVectors:
    if not np.isfinite(table).all():
        raise ValueError("some numbers are not finite")
    return WordVectors(words, table)


class _Reader:
    """A file that is read forwards; raises `ValueError` where it does not end."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, max_bytes: int) -> None:
        self._file = file
        self.rest = max_bytes
        """Bytes that there may still be."""

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, or what is left."""
        return self._counted(self._file.read(size))

    def readline(self) -> bytes:
        """Return the next line; it is empty at the end."""
        line = self._file.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"a line is longer than {MAX_LINE_BYTES:,} bytes; known formats: {FORMATS}")
        return self._counted(line)

    def _counted(self, data: bytes) -> bytes:
        self.rest -= len(data)
        if self.rest < 0:
            raise ValueError(f"it unpacks to more than {MAX_RATIO} times its size; unpack it yourself")
        return data


@contextmanager
def _open(path: Path) -> Iterator[_Reader]:
    with open_plain(path) as plain:
        num_bytes = os.fstat(plain.fileno()).st_size
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield _Reader(unpacked, max(SMALL_BYTES, MAX_RATIO * num_bytes))
        else:
            yield _Reader(plain, num_bytes)


def _header(line: bytes) -> tuple[int, int] | None:
    """Return the number of words and the dimension if `line` is the header of a word2vec file."""
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _read_text(path: Path, header: tuple[int, int] | None) -> WordVectors:
    words: dict[str, None] = {}
    values = array("f")
    dimension = header[1] if header else 0
    num_lines = 0
    with _open(path) as file:
        if header:
            file.readline()
        for number, line in enumerate(iter(file.readline, b""), start=2 if header else 1):
            if not line.strip():
                continue
            word, numbers = _read_line(line, dimension, number)
            dimension, num_lines = len(numbers), num_lines + 1
            if word not in words:  # the first vector of a repeated word counts, as in gensim
                words[word] = None
                values.extend(numbers)
    if not words:
        raise ValueError(f"it contains no word vectors; known formats: {FORMATS}")
    if header and num_lines < header[0]:
        raise ValueError(
            f"cut off: its header promises {header[0]} words, but it has {num_lines}; get it again"
        )
    return _finite(list(words), np.frombuffer(values, np.float32).reshape(len(words), dimension))


def _read_line(line: bytes, dimension: int, number: int) -> tuple[str, list[float]]:
    """Return the word of a line and its numbers: `dimension` of them, where 0 means any number."""
    try:
        first, *fields = line.rstrip().decode("utf-8").split(" ")
        surplus = len(fields) - dimension if dimension else 0
        if surplus > 0 and not all(map(_is_number, fields[:surplus])):  # GloVe 840B has ". . ." as a word
            first, fields = " ".join([first, *fields[:surplus]]), fields[surplus:]
        numbers = [float(field) for field in fields]
    except ValueError:
        raise ValueError(f"line {number} is not a word with its numbers; known formats: {FORMATS}") from None
    if not numbers or (dimension and len(numbers) != dimension):
        raise ValueError(
            f"line {number} has {len(numbers)} numbers, not {dimension or 'one or more'}; get it again"
        )
    return first, numbers


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _read_binary(path: Path, num_words: int, dimension: int) -> WordVectors:
    with _open(path) as file:
        # A damaged header must not make us allocate more than the file can hold.
        if not num_words or not dimension or num_words * dimension * 4 > file.rest:
            raise ValueError(
                f"cut off: its header promises {num_words} words of dimension {dimension}; get it again"
            )
        file.readline()
        words: dict[str, None] = {}
        table = np.empty((num_words, dimension), np.float32)
        for word, row in _binary_rows(file, num_words, dimension):
            if word not in words:  # the first vector of a repeated word counts, as in gensim
                table[len(words)] = row
                words[word] = None
    return _finite(list(words), table[: len(words)])


def _binary_rows(file: _Reader, num_words: int, dimension: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the words of a binary file with their numbers: text, a space, then 4 bytes for each number."""
    needed = MAX_WORD_BYTES + 1 + 4 * dimension
    buffer, begin = b"", 0
    for _ in range(num_words):
        if len(buffer) - begin < needed:
            buffer, begin = buffer[begin:] + file.read(max(CHUNK_BYTES, needed)), 0
        space = buffer.find(b" ", begin, begin + MAX_WORD_BYTES + 1)
        end = space + 1 + 4 * dimension
        if space < 0 and len(buffer) - begin > MAX_WORD_BYTES:
            raise ValueError(f"a word is longer than {MAX_WORD_BYTES:,} bytes; known formats: {FORMATS}")
        if space < 0 or end > len(buffer):
            raise EOFError("unexpected end of input; get it again")
        word = buffer[begin:space].lstrip(b"\n").decode("utf-8", "replace")
        yield word, np.frombuffer(buffer, "<f4", dimension, space + 1)
        begin = end
