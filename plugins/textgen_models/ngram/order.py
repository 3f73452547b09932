"""Choice of the length of n-grams by how well they predict held-out tokens."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.nn.ngrams import Integers, NGramCounts, NGramTable, by_length

MAX_ORDER = 12
LEAST_GAIN = 0.002
"""Minimum share of the bits that an order must save per token by which it exceeds the best so far."""
PATIENCE = 2
"""Number of consecutive orders without such a gain after which the search stops."""
MAX_HELD_BACK = 50_000
"""Maximum number of tokens that are held out."""


def choose_order(ids: TokenIds, vocab_size: int, discount: float | None) -> int:
    """Return the order that predicts held-out tokens best, if its gain suffices (`LEAST_GAIN`).

    The orders 1, 2, … are fitted to all ids but the last tenth (at most `MAX_HELD_BACK`) and scored on those.
    """
    num_counted = len(ids) - min(len(ids) // 10, MAX_HELD_BACK)
    tail = np.asarray(ids[num_counted:], np.int64)
    contexts, ngrams = np.zeros_like(tail), np.zeros_like(tail)
    shorter = np.full(len(tail), 1 / vocab_size)
    best_order, least_bits = 1, np.inf
    previous: NGramCounts | None = None
    lengths = islice(by_length(ids[:num_counted], vocab_size), MAX_ORDER)
    for order, (counts, num_before) in enumerate(lengths, start=1):
        if previous is not None:  # no longer the longest, so its counts are of distinct tokens before
            table = NGramTable(replace(previous, counts=num_before), vocab_size, discount)
            shorter = probabilities(table, contexts, ngrams, shorter)
            contexts = np.append(-1, ngrams)[:-1]
        table = NGramTable(counts, vocab_size, discount)
        ngrams = table.find(contexts, tail)
        bits = -np.log2(probabilities(table, contexts, ngrams, shorter)).sum()
        if bits < (1 - LEAST_GAIN * (order - best_order)) * least_bits:
            best_order, least_bits = order, bits
        elif order == best_order + PATIENCE:
            break
        previous = counts
    return best_order


def probabilities(
    table: NGramTable, contexts: Integers, ngrams: Integers, shorter: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probabilities of n-grams (-1: never seen), given those with contexts shorter by a token."""
    own = np.where(ngrams < 0, 0.0, table.discounted(ngrams, contexts))
    return own + table.backoff(contexts) * shorter
