"""The nearest words of a token embedding before and after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import TokenEmbedding

NUM_WORDS, NUM_NEIGHBORS = 8, 5
RANKS = (30, 400)
"""The words shown are spread over these ranks of frequency: no function words, and none that are rare."""
MAX_CANDIDATES = 3000
"""Neighbors are found among this many of the most frequent words."""
MIN_LETTERS = 4


@dataclass(frozen=True)
class Neighbors:
    """The nearest words of a word by cosine similarity."""

    word: str
    before: tuple[str, ...]
    """Among the pretrained vectors."""
    after: tuple[str, ...]
    """After training."""


def nearest_words(
    module: nn.Module, vectors: PretrainedVectors, tokens: Sequence[str], counts: NDArray[np.int64]
) -> tuple[Neighbors, ...]:
    """Return the neighbors of some words that have a pretrained vector.

    `counts` [vocab_size] are those of the training text. A `module` without a token embedding has none.
    """
    trained = _input_table(module, len(tokens))
    if trained is None:
        return ()
    order = np.argsort(-counts, kind="stable")
    known = order[np.asarray(vectors.found)[order] & (counts[order] > 0)]
    stripped = ((index, tokens[index].strip()) for index in known.tolist())
    words = [(index, word) for index, word in stripped if len(word) >= MIN_LETTERS and word.isalpha()]
    if not words:
        return ()
    indices, spelled = zip(*words[:MAX_CANDIDATES], strict=True)
    last = len(indices) - 1
    ranks = np.linspace(min(RANKS[0], last // 10), min(RANKS[1], last), NUM_WORDS).astype(int)
    shown = np.unique(ranks).tolist()
    before, after = (_nearest(table[list(indices)], spelled, shown) for table in (vectors.table, trained))
    return tuple(
        Neighbors(spelled[place], first, second)
        for place, first, second in zip(shown, before, after, strict=True)
    )


def _nearest(table: Tensor, words: Sequence[str], shown: Sequence[int]) -> list[tuple[str, ...]]:
    directions = torch.nn.functional.normalize(table.detach().float().cpu(), dim=1)
    found = []
    for place in shown:
        nearest = (directions @ directions[place]).argsort(descending=True).tolist()
        own = words[place].lower()
        others = dict.fromkeys(words[index] for index in nearest if words[index].lower() != own)
        found.append(tuple(others)[:NUM_NEIGHBORS])
    return found


def _input_table(module: nn.Module, vocab_size: int) -> Tensor | None:
    """Return the vectors of all tokens that a model reads, [vocab_size, size]."""
    for layer in module.modules():
        if isinstance(layer, TokenEmbedding) and len(layer.weight) == vocab_size:
            return layer.table()
        if isinstance(layer, nn.Embedding) and layer.num_embeddings == vocab_size:
            return layer.weight
    return None
