"""Files of word vectors: GloVe text, word2vec text and binary (each plain or .gz), gensim .kv.

Nothing in a file is executed: from a .kv file, which is a pickle, only arrays and plain values are read.
"""

from __future__ import annotations

import codecs
import gzip
import logging
import os
import pickle
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from gensim.models import KeyedVectors
from numpy.typing import NDArray

from textgen.api import TextgenError

FORMATS = "GloVe text, word2vec text or binary (plain or .gz), or gensim .kv"
HEAD_BYTES = 1 << 16


def read_vectors(path: str | Path) -> KeyedVectors:
    """Return the vectors in a file; its format is recognised by its content.

    Raises `TextgenError` with the path if the file is missing, cut off or in another format.
    """
    path = Path(os.path.expanduser(path))
    try:
        if path.suffix == ".kv":
            return _read_saved(path)
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
    except (EOFError, ValueError, zlib.error, pickle.UnpicklingError) as error:
        raise TextgenError(f"word vectors {path}: {str(error).splitlines()[0]}") from error


def keyed_vectors(words: list[str], table: NDArray[np.float32]) -> KeyedVectors:
    """Return `KeyedVectors` of distinct `words` and a `table` [len(words), dimension], without a copy."""
    keyed = KeyedVectors(table.shape[1])
    keyed.vectors = table
    keyed.index_to_key = words
    keyed.key_to_index = {word: index for index, word in enumerate(words)}
    return keyed


@contextmanager
def quiet_gensim() -> Iterator[None]:
    """Keep gensim's log messages off the terminal; failures still raise."""
    logger = logging.getLogger("gensim")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


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


def _read_text(path: Path, header: tuple[int, int] | None) -> KeyedVectors:
    words: dict[str, None] = {}
    values = array("f")
    dimension = header[1] if header else 0
    num_lines = 0
    with _open(path) as file:
        if header:
            file.readline()
        for number, line in enumerate(file, start=2 if header else 1):
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
    table = np.frombuffer(values, np.float32).reshape(len(words), dimension)
    if not np.isfinite(table).all():
        raise ValueError("some numbers are not finite")
    return keyed_vectors(list(words), table)


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


def _read_binary(path: Path, num_words: int, dimension: int) -> KeyedVectors:
    # A damaged header must not make gensim allocate more than the file can hold (.gz: at most 1032 to 1).
    most = path.stat().st_size * (1032 if path.suffix == ".gz" else 1)
    if not num_words or not dimension or num_words * dimension * 4 > most:
        raise ValueError(
            f"cut off: its header promises {num_words} words of dimension {dimension}; get it again"
        )
    with quiet_gensim():
        keyed = KeyedVectors.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
    if not np.isfinite(keyed.vectors).all():
        raise ValueError("some numbers are not finite")
    return keyed


class _Placeholder:
    """Replacement for every object of a .kv file, which keeps its arguments and does nothing."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _InertUnpickler(pickle.Unpickler):
    """An unpickler that reads `KeyedVectors` as placeholders, and refuses every other class.

    NumPy's classes are replaced too, since a damaged state can corrupt memory inside them.
    """

    known = frozenset(
        {
            ("gensim.models.keyedvectors", "KeyedVectors"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.known:
            return _Placeholder
        raise pickle.UnpicklingError(
            f"holds a {module}.{name}, which is not read; convert it with gensim's save_word2vec_format"
        )


def _read_saved(path: Path) -> KeyedVectors:
    beside = path.with_name(path.name + ".vectors.npy")  # gensim keeps large arrays in a file of their own
    try:
        with path.open("rb") as file:
            saved = _InertUnpickler(file).load().state
        table = np.load(beside, allow_pickle=False) if beside.exists() else _array(saved["vectors"])
        words = list(saved["index_to_key"])
        table = np.ascontiguousarray(table, np.float32)
    except (pickle.UnpicklingError, EOFError, OSError):
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise ValueError("not a .kv file of gensim 4, or damaged") from error
    if (
        table.shape[:1] != (len(words),)
        or table.ndim != 2
        or not all(isinstance(word, str) for word in words)
    ):
        raise ValueError("not a .kv file of gensim 4, or damaged: words and vectors do not match")
    if not np.isfinite(table).all():
        raise ValueError("some numbers are not finite")
    return keyed_vectors(words, table)


def _array(pickled: _Placeholder) -> NDArray[Any]:
    _, shape, dtype, is_fortran, data = pickled.state
    (kind, *_), (_, byte_order, *_) = dtype.arguments, dtype.state
    if kind not in {"f2", "f4", "f8"}:
        raise ValueError(f"numbers of type {kind}")
    return np.frombuffer(data, byte_order + kind).reshape(shape, order="F" if is_fortran else "C")
