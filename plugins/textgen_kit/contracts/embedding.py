"""Checks of embeddings; they are skipped if their data is not installed and cannot be downloaded."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from textgen.contracts import WordVectors
from textgen.experiment.encoding import match_vectors
from textgen_kit.conformance import check
from textgen_kit.subject import Subject, available, expect, shown
from textgen_kit.texts import PROSE

PIECES = re.findall(r" ?\w+|\n+| ?[^\w\s]+|\s", PROSE)
"""The text in tokens like those of a word tokenizer, with their leading space."""
TOKENS = [token for token, _ in Counter(PIECES).most_common()]


def vectors_of(embedding: Any) -> WordVectors:
    """Return the vectors for the kit's text; raises `CheckError` unless each word has a finite one.

    Raises `CheckSkipped` if their data is not available.
    """
    with available():
        vectors: Any = embedding.vectors(PROSE, TOKENS)
    expect(isinstance(vectors, WordVectors), f"WordVectors; got {type(vectors).__name__}")
    table, num_words = np.asarray(vectors.table), len(vectors.words)
    is_table = table.ndim == 2 and len(table) == num_words and np.issubdtype(table.dtype, np.floating)
    kind = f"{list(table.shape)} of {table.dtype}"
    expect(is_table, f"a vector of floats for each word; got {kind} for {num_words} words")
    num_distinct = len(set(vectors.words))
    expect(num_distinct == num_words, f"each word once; got {num_words}, of which {num_distinct} differ")
    is_wrong = ~np.isfinite(table).all(axis=1)
    wrong = [vectors.words[index] for index in np.flatnonzero(is_wrong)[:3]]
    expect(not wrong, f"finite vectors; {is_wrong.sum()} are not, such as those of {shown(wrong)}")
    return WordVectors(vectors.words, table)


@check("embedding")
def check_vectors(subject: Subject) -> None:
    """`vectors` returns `WordVectors`, a finite row for each word, and `frozen` is a bool."""
    embedding = subject.new()
    frozen = getattr(embedding, "frozen", None)
    expect(isinstance(frozen, bool), f"True or False in frozen; got {shown(frozen)}")
    vectors_of(embedding)


@check("embedding", after=("vectors",))
def check_covers(subject: Subject) -> None:
    """Some words of an English text have a vector."""
    embedding = subject.new()
    vectors_of(embedding)
    ids = np.array([TOKENS.index(piece) for piece in PIECES], np.int32)
    match_vectors(embedding, "this embedding", PROSE, TOKENS, ids)
