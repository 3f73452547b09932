"""Word vectors of three words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gensim.models import KeyedVectors

ROWS = {"the": [1.0, 2.0, 3.0], "cat": [-1.0, 0.5, 0.25], "café": [0.1, 0.2, -0.3]}
GLOVE_TEXT = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS.items())


@dataclass
class FixedVectors:
    """An embedding with given vectors."""

    rows: dict[str, list[float]]
    frozen: bool = False

    def vectors(self, train_text: str, tokens: Any) -> KeyedVectors:  # noqa: ARG002
        keyed = KeyedVectors(len(next(iter(self.rows.values()))))
        keyed.add_vectors(list(self.rows), np.array(list(self.rows.values()), np.float32))
        return keyed


def small_vectors() -> KeyedVectors:
    return FixedVectors(ROWS).vectors("", [])
