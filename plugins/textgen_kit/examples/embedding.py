"""Word vectors from spelling alone: words that share letters are similar."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from textgen.contracts import WordVectors
from textgen.data.decoding import utf8

NUM_BUCKETS = 2**14


@dataclass
class Example:
    """The vector of a word is the mean of random vectors, one per letter trigram."""

    dimension: Annotated[int, Ge(1)] = 64
    """Dimension of the vectors."""
    frozen: bool = False
    """Keep the vectors unchanged in training."""

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        """Return a vector for each token that is more than white space."""
        del train_text  # an embedding may learn from it; this one does not
        table = np.random.default_rng(0).standard_normal((NUM_BUCKETS, self.dimension))
        words = list(dict.fromkeys(filter(None, map(str.strip, tokens))))
        vectors = [table[buckets(word)].mean(axis=0) for word in words]
        return WordVectors(words, np.stack(vectors))


def buckets(word: str) -> list[int]:
    """Return the hash of each trigram of `<word>`, whose brackets mark its ends."""
    marked = f"<{word}>"
    trigrams = [marked[start : start + 3] for start in range(len(marked) - 2)]
    return [zlib.crc32(utf8(trigram)) % NUM_BUCKETS for trigram in trigrams]
