"""Checks of embeddings; they are skipped if their data is not installed and cannot be downloaded."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from textgen.contracts import WordVectors
from textgen.experiment.encoding import match_vectors
from textgen_kit.checking import CheckSkipped, Subject, expect, reworded, shown, state_unchanged
from textgen_kit.texts import PROSE

PIECES = re.findall(r" ?\w+|\n+| ?[^\w\s]+|\s", PROSE)
"""The text in tokens like those of a word tokenizer, with their leading space."""
TOKENS = [token for token, _ in Counter(PIECES).most_common()]


def check_embedding_vectors(subject: Subject) -> None:
    """`vectors` returns `WordVectors`, a finite row for each word, and `frozen` is a bool.

    They initialise a model's token embedding.
    """
    embedding = subject.new()
    is_bool = isinstance(embedding.frozen, bool)
    expect(is_bool, f"True or False in frozen; got {shown(embedding.frozen)}")
    vectors = vectors_of(embedding)
    expect(isinstance(vectors, WordVectors), f"WordVectors; got {type(vectors).__name__}")
    table, num_words = np.asarray(vectors.table), len(vectors.words)
    is_table = table.ndim == 2 and len(table) == num_words and table.size > 0
    expect(is_table, f"a vector for each word; got {list(table.shape)} for {num_words} words")
    expect(np.issubdtype(table.dtype, np.floating), f"vectors of floats; got {table.dtype}")
    num_distinct = len(set(vectors.words))
    expect(num_distinct == num_words, f"each word once; got {num_words}, of which {num_distinct} differ")
    is_wrong = ~np.isfinite(table).all(axis=1)
    wrong = [vectors.words[index] for index in np.flatnonzero(is_wrong)[:3]]
    expect(not wrong, f"finite vectors; {is_wrong.sum()} are not, such as those of {shown(wrong)}")


def check_embedding_covers(subject: Subject) -> None:
    """Some words of an English text have a vector.

    Otherwise it has no effect; each result shows the share of words that have one.
    """
    embedding = subject.new()
    ids = np.array([TOKENS.index(piece) for piece in PIECES], np.int32)
    vectors_of(embedding)
    with reworded("expected vectors for a model's token embedding; got:"):
        match_vectors(embedding, "this embedding", PROSE, TOKENS, ids)


def check_embedding_deterministic(subject: Subject) -> None:
    """The same text and options give the same vectors each time, without global randomness.

    Otherwise a result cannot be reproduced.
    """
    with state_unchanged("making the vectors"):
        first, again = vectors_of(subject.new()), vectors_of(subject.new())
    is_same = list(first.words) == list(again.words)
    expect(is_same, "vectors of the same words again; got those of other words")
    is_same = np.array_equal(first.table, again.table, equal_nan=True)
    expect(is_same, "the same vectors for the same text; they differ")


def vectors_of(embedding: Any) -> Any:
    """Return the vectors for the kit's text; raises `CheckSkipped` if their data is not available."""
    with reworded("its data is not available:", into=CheckSkipped):
        return embedding.vectors(PROSE, TOKENS)
