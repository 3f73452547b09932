"""Vectors by word2vec (Mikolov et al. 2013) and fastText (Bojanowski et al. 2017), trained by gensim."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le, doc

from textgen.contracts import Search, TextgenError, WordVectors
from textgen.data.vocabulary import BYTE
from textgen.data.words import split_words
from textgen.runtime.messages import import_extra, require_extra
from textgen_embeddings.files import read_vectors

NO_GENSIM = "gensim, which needs Python 3.13 or older, is not installed"


def gensim_module(name: str) -> Any:
    """Import and return a module of gensim; raises `TextgenError` if gensim is not installed."""
    return import_extra(f"gensim.{name}", "vectors", NO_GENSIM)


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


PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass
class Word2Vec:
    """Word vectors learnt from the training text beforehand; words used alike have similar ones.

    The same text, options and seed give the same vectors.
    """

    path: Annotated[str, doc("Vector file to use instead of training: word2vec or GloVe.")] = ""
    dimension: Annotated[int, Ge(1), Le(10_000), doc("Dimension of the vectors.")] = 256
    window: Annotated[int, Ge(1), Le(1000), doc("Context words on each side.")] = 5
    epochs: Annotated[int, Ge(1), Le(10_000), doc("Passes over the training text.")] = 15
    min_count: Annotated[int, Ge(1), Le(1_000_000), doc("Minimum count for a word to get a vector.")] = 2
    skip_gram: Annotated[bool, doc("Use skip-gram instead of CBOW; takes three times as long.")] = False
    seed: Annotated[int, Ge(0), Le(2**32 - 1), doc("Random seed for initial vectors and sampling.")] = 0
    frozen: Annotated[bool, Search(), doc("Keep the vectors fixed during training.")] = False

    def __post_init__(self) -> None:
        if not self.path:
            require_extra("gensim", "vectors", NO_GENSIM)

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:  # noqa: ARG002
        """Return the vectors; raises `TextgenError` if no word occurs `min_count` times."""
        if self.path:
            return read_vectors(self.path)
        trained = self.train("Word2Vec", train_text)
        return WordVectors(trained.index_to_key, trained.vectors)

    def train(self, name: str, train_text: str, **options: Any) -> Any:
        """Return the `KeyedVectors` of a model of gensim, trained with these further `options`."""
        kind = getattr(gensim_module("models"), name)
        with quiet_gensim():
            model = kind(
                vector_size=self.dimension,
                window=self.window,
                min_count=self.min_count,
                sg=int(self.skip_gram),
                seed=self.seed,
                workers=1,  # with more, the order of updates would vary, and so the result
                **options,
            )
            texts = list(sentences(train_text))
            model.build_vocab(texts)
            if not len(model.wv):
                raise TextgenError(
                    f"{name}: no word occurs min_count={self.min_count} times in the training text; "
                    "give more text or a lower min_count"
                )
            model.train(texts, total_examples=len(texts), epochs=self.epochs)
        return model.wv


def sentences(text: str) -> Iterator[list[str]]:
    """Yield the words of each paragraph, in lists short enough for gensim not to truncate them."""
    longest = gensim_module("models.word2vec").MAX_WORDS_IN_BATCH
    for paragraph in PARAGRAPH.split(text):
        words = [sys.intern(word) for piece in split_words(paragraph) if (word := piece.strip())]
        for start in range(0, len(words), longest):
            yield words[start : start + longest]


NUM_BUCKETS = 2**17
"""Number of vectors that the character 3- to 6-grams share, by hash. A text of three million characters has
about twice as many n-grams; gensim's default of two million would take two gigabytes."""


class FastText(Word2Vec):
    """word2vec, except that a word's vector is the sum of its own and those of its character n-grams.

    Source: Bojanowski et al. 2017, arXiv:1607.04606. Words that the training text lacks, or has less than
    `min_count` times, also get vectors. The options are those of `word2vec`; a file, such as fastText's own
    `.vec`, is used unchanged.
    """

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        """Return the vectors; raises `TextgenError` if no word occurs `min_count` times."""
        if self.path:
            return read_vectors(self.path)
        trained = self.train("FastText", _valid(train_text), bucket=NUM_BUCKETS)
        # Only those of words: gensim's have one for every string, such as a line break.
        spoken = [word for token in tokens if (word := _valid(token).strip()) and not BYTE.search(word)]
        words = dict.fromkeys([*trained.index_to_key, *spoken])
        return WordVectors(list(words), np.stack([trained[word] for word in words]))


def _valid(text: str) -> str:
    """Return the text without lone surrogates, which gensim cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")
