"""Word vectors of three words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gensim.models import KeyedVectors
from numpy.typing import NDArray

from textgen.contracts import WordVectors

ROWS = {"the": [1.0, 2.0, 3.0], "cat": [-1.0, 0.5, 0.25], "café": [0.1, 0.2, -0.3]}
GLOVE_TEXT = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS.items())


@dataclass
class FixedVectors:
    rows: dict[str, list[float]]
    frozen: bool = False

    def vectors(self, train_text: str, tokens: Any) -> WordVectors:  # noqa: ARG002
        return WordVectors(list(self.rows), np.array(list(self.rows.values()), np.float32))


def small_vectors() -> KeyedVectors:
    """Return the vectors as gensim's, which write files."""
    return keyed(FixedVectors(ROWS).vectors("", []))


def keyed(vectors: WordVectors) -> KeyedVectors:
    """Return vectors as gensim's, which know similar words."""
    result = KeyedVectors(vectors.table.shape[1])
    result.add_vectors(list(vectors.words), vectors.table)
    return result


def by_word(vectors: WordVectors) -> dict[str, NDArray[np.floating[Any]]]:
    return dict(zip(vectors.words, vectors.table, strict=True))
