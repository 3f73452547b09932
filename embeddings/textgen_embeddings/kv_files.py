"""Files `.kv` of gensim: pickles, from which only arrays and plain values are read."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from textgen.runtime.storage.plain_files import open_plain

MAX_LINE_BYTES = 1 << 20


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


class _PickleReader:
    """A file for an unpickler, which would allocate what a pickle announces, however short it is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rest = os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        if size > self._rest > 0:
            raise EOFError("pickle data was truncated")
        self._rest -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(MAX_LINE_BYTES)
        self._rest -= len(line)
        return line


def read_kv(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words of a `.kv` file and their vectors [number of words, dimension].

    Raises `OSError`, `EOFError`, `ValueError` or `pickle.UnpicklingError` if it is damaged.
    """
    beside = path.with_name(path.name + ".vectors.npy")  # gensim keeps large arrays in a file of their own
    try:
        with open_plain(path) as file:
            saved = _InertUnpickler(_PickleReader(file)).load().state
        table = _read_beside(beside) if beside.exists() else _array(saved["vectors"])
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
    return words, table


def _read_beside(path: Path) -> NDArray[Any]:
    with open_plain(path):  # or it would be waited for
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # which compares the shape with the size
    return np.array(mapped)


def _array(pickled: _Placeholder) -> NDArray[Any]:
    _, shape, dtype, is_fortran, data = pickled.state
    (kind, *_), (_, byte_order, *_) = dtype.arguments, dtype.state
    if kind not in {"f2", "f4", "f8"}:
        raise ValueError(f"numbers of type {kind}")
    return np.frombuffer(data, byte_order + kind).reshape(shape, order="F" if is_fortran else "C")
