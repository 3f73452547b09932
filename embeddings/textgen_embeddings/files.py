"""Files of word vectors: GloVe text, word2vec text and binary, each plain or .gz."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TextgenError, WordVectors
from textgen.runtime.storage.files import open_plain

FORMATS = "GloVe text, word2vec text or binary (plain or .gz), as of gensim's save_word2vec_format"
HEAD_BYTES = CHUNK_BYTES = 1 << 20


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


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with open_plain(path) as plain:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield plain


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
            f"truncated: its header announces {header[0]} words, but it has {num_lines}; download it again"
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
        raise ValueError(f"line {number} is not a word and numbers; known formats: {FORMATS}") from None
    if not numbers or (dimension and len(numbers) != dimension):
        raise ValueError(
            f"line {number} has {len(numbers)} numbers, not {dimension or 'one or more'}; download it again"
        )
    return first, numbers


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _read_binary(path: Path, num_words: int, dimension: int) -> WordVectors:
    words: dict[str, None] = {}
    values = array("f")
    with _open(path) as file:
        file.readline()
        for word, row in _binary_rows(file, num_words, dimension):
            if word not in words:  # the first vector of a repeated word counts, as in gensim
                words[word] = None
                values.frombytes(row)
    table = np.frombuffer(values, "<f4").reshape(len(words), dimension)
    return _finite(list(words), table.astype(np.float32, copy=False))


def _binary_rows(file: IO[bytes], num_words: int, dimension: int) -> Iterator[tuple[str, bytes]]:
    """Yield the words of a binary file with their numbers: text, a space, then 4 bytes for each number."""
    buffer, begin = b"", 0
    for _ in range(num_words):
        while (space := buffer.find(b" ", begin)) < 0 or space + 4 * dimension >= len(buffer):
            chunk = file.read(CHUNK_BYTES)
            if not chunk:
                raise EOFError(f"truncated: its header announces {num_words} words; download it again")
            buffer, begin = buffer[begin:] + chunk, 0
        end = space + 1 + 4 * dimension
        yield buffer[begin:space].lstrip(b"\n").decode("utf-8", "replace"), buffer[space + 1 : end]
        begin = end
