"""fastText vectors (Bojanowski et al. 2017, arXiv:1607.04606), trained on the training split by gensim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textgen.contracts import WordVectors
from textgen.data.vocabulary import BYTE
from textgen_embeddings.files import read_vectors
from textgen_embeddings.word2vec import Word2Vec

NUM_BUCKETS = 2**17
"""Number of vectors that the character 3- to 6-grams share, by hash. A text of three million characters has
about twice as many n-grams; gensim's default of two million would take two gigabytes."""


class FastText(Word2Vec):
    """word2vec, except that a word's vector is the sum of its own and those of its character n-grams.

    So words that the training text lacks, or has less than `min_count` times, also get vectors. The options
    are those of `word2vec`; a file, such as fastText's own `.vec`, is used unchanged.
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
