"""Kneser-Ney n-grams: a model of sequences that is counted in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds
from textgen.nn.ngrams import Integers, NGramCounts, NGramTable, count_ngrams
from textgen.runtime.memory import require_memory

PARTS = ("num_next", "tokens", "counts")
"""The arrays of `NGramCounts` that are buffers of the model for each length."""

REPEATED = 20
"""Longer n-grams of a text are assumed to occur once each; shorter ones occur again, and fewer are kept."""
BYTES_PER_NGRAM = 40
"""Memory of one n-gram in a table."""

LEAST_WEIGHT, LEAST_PROBABILITY = 1e-26, 1e-11
"""Minimum weight of the distribution without context and minimum probability in it, for fp32's range."""


class KneserNey(nn.Module):
    """Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

    A token is predicted from the `order` - 1 tokens before it (see `NGramTable`). Single tokens are
    interpolated with the uniform distribution, so that nothing is impossible. Three discounts are estimated
    for each length of n-grams; a single `discount` gives the method of Kneser and Ney (1995).

    Everything is computed on the CPU. A model that has counted nothing is uniform.
    """

    def __init__(self, vocab_size: int, discount: float | None = None) -> None:
        super().__init__()
        self.vocab_size, self.discount = vocab_size, discount
        self._use([])

    no_contexts: Tensor
    """[order - 1], the contexts before any token."""

    def count(self, ids: TokenIds, order: int) -> None:
        """Replace what was counted by the n-grams of `ids`; raises `TextgenError` if memory is short."""
        num_ngrams = len(ids) * max(0, order - REPEATED)
        require_memory(
            BYTES_PER_NGRAM * num_ngrams, f"counting n-grams of order {order}", "make order smaller"
        )
        self._use(count_ngrams(ids, self.vocab_size, order) if len(ids) else [])

    def contexts(
        self, tokens: Integers, before: Integers, resets: NDArray[np.bool_] | None = None, start: Any = None
    ) -> list[NDArray[np.int64]]:
        """Return the contexts of 0, 1, … `order` - 1 tokens up to each of `tokens`, as numbers [batch, time].

        `before` [batch, order - 1] are those of 1, 2, … tokens before the first one, -1 where a context was
        never seen. Where `resets` [batch, time] is true, `start` [order - 1] takes the place of the contexts
        before that token.
        """
        contexts = [np.zeros(tokens.shape, np.int64)]
        shorter = contexts[0]
        for length, table in enumerate(self._tables[:-1]):
            contexts.append(table.find(shorter, tokens))
            shorter = np.concatenate([before[:, length, None], contexts[-1][:, :-1]], axis=1)
            if resets is not None:
                shorter = np.where(resets, start[length], shorter)
        return contexts

    def probabilities(self, contexts: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return the distributions [number of positions, vocab_size], given the contexts of each length."""
        weights = np.ones(len(contexts[0]))
        longer = []
        for table, numbers in reversed(list(zip(self._tables[1:], contexts[1:], strict=True))):
            longer.append((table, numbers, weights))
            weights = weights * table.backoff(numbers)
        lowest_weights = np.maximum(weights, LEAST_WEIGHT).astype(np.float32)
        probabilities: NDArray[np.float32] = lowest_weights[:, None] * self._without_context
        flat = probabilities.reshape(-1)
        for table, numbers, weights in longer:
            ngrams, rows = table.following(numbers)
            parts = weights[rows] * table.discounted(ngrams, numbers[rows])
            flat[rows * self.vocab_size + table.tokens[ngrams]] += parts.astype(np.float32)
        return probabilities

    def _use(self, levels: Sequence[NGramCounts]) -> None:
        """Replace the n-gram tables, one per length; without any, the distribution is uniform."""
        device = self.no_contexts.device if "no_contexts" in self._buffers else None
        num_longer = max(0, len(levels) - 1)
        self._buffers.clear()
        self.register_buffer("no_contexts", torch.full((num_longer,), -1, device=device), persistent=False)
        self._tables = []
        for length, level in enumerate(levels, start=1):
            for part in PARTS:
                values = torch.from_numpy(getattr(level, part))
                self.register_buffer(f"{part}_{length}", values.to(device))
            self._tables.append(NGramTable(level, self.vocab_size, self.discount))
        self._without_context = lowest(self._tables[:1], self.vocab_size)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the n-grams from `state_dict`; their number depends on the text."""
        levels: list[NGramCounts] = []
        num_contexts = 1
        while f"{prefix}tokens_{len(levels) + 1}" in state_dict:
            names = [f"{prefix}{part}_{len(levels) + 1}" for part in PARTS]
            levels.append(NGramCounts(*(state_dict[name].cpu().numpy() for name in names)))
            if not levels[-1].fits(num_contexts, self.vocab_size):
                raise ValueError(f"the n-grams of length {len(levels)} do not fit the shorter ones")
            num_contexts = len(levels[-1].tokens)
        self._use(levels)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def last_contexts(contexts: Sequence[NDArray[np.int64]], before: Tensor) -> Tensor:
    """Return the contexts after the last token, [batch, order - 1]; without any, those `before` the first."""
    last = [torch.from_numpy(numbers[:, -1]) for numbers in contexts[1:]]
    return torch.stack(last, dim=1).to(before.device) if last else before


def lowest(tables: Sequence[NGramTable], vocab_size: int) -> NDArray[np.float32]:
    """Return the distribution without context [vocab_size]; without a table, the uniform one."""
    probabilities = np.full(vocab_size, 1 / vocab_size, np.float64)
    for table in tables:
        root = np.zeros(1, np.int64)
        ngrams, rows = table.following(root)
        probabilities *= table.backoff(root)
        probabilities[table.tokens] += table.discounted(ngrams, rows)
    return probabilities.clip(LEAST_PROBABILITY).astype(np.float32)
