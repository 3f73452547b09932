"""The nearest words before and after training."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from textgen.contracts import PretrainedVectors
from textgen.evaluation.neighbors import nearest_words
from textgen.nn.layers import TokenEmbedding

TOKENS = [" king", " queen", " Queen", " bread", " butter", ",", " rare", "<0x41>"]
TABLE = torch.tensor(
    [[1.0, 0.1], [1.0, 0.2], [1.0, 0.2], [0.1, 1.0], [0.2, 1.0], [5.0, 5.0], [0.0, 0.0], [0.0, 0.0]]
)
FOUND = torch.tensor([True] * 6 + [False] * 2)
COUNTS = np.array([9, 8, 7, 6, 5, 40, 1, 0])


def test_neighbors_are_words_by_cosine_similarity_before_and_after() -> None:
    vectors = PretrainedVectors(TABLE, FOUND, frozen=False)
    layer = TokenEmbedding(len(TOKENS), 2, vectors)
    with torch.no_grad():
        layer.weight[0] = torch.tensor([0.1, 1.0])  # the king becomes food
    found = {each.word: each for each in nearest_words(nn.Sequential(layer), vectors, TOKENS, COUNTS)}
    assert found["bread"].before[0] == "butter"
    assert found["bread"].after[0] == "king"
    assert "," not in found["bread"].before
    assert "rare" not in found["bread"].after
