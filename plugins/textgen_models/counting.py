"""Models that only count: n-grams by Kneser and Ney, and the uniform distribution, which learns nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, doc
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import Search, TokenIds
from textgen.data.vocabulary import count_tokens
from textgen.nn.kneser_ney import Integers, KneserNey, NGramCounts, NGramTable, by_length, last_contexts

MAX_ORDER = 12
LEAST_GAIN = 0.002
"""Minimum share of the bits that an order must save per token by which it exceeds the best so far."""
PATIENCE = 2
"""Number of consecutive orders without such a gain after which the search stops."""
MAX_HELD_BACK = 50_000
"""Maximum number of tokens that are held out."""


class NGram(KneserNey):
    """Counts which tokens followed the last few in the training text (n-grams).

    Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998). Without an `order`, `choose_order`
    finds one: 7 or 8 characters or 5 words for a text of one or two megabytes. A model that was fitted to an
    empty text is uniform.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(
        self,
        vocab_size: int,
        *,
        order: Annotated[
            Annotated[int, Ge(1), Le(100)] | None,
            doc("Length of the n-grams in tokens; none: automatic."),
            Search(values=(None, 2, 3, 4, 5, 6, 7, 8, 10)),
        ] = None,
        discount: Annotated[
            Annotated[float, Gt(0), Le(1)] | None,
            doc("Discount for all counts; none: estimate three discounts."),
            Search(values=(None, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ] = None,
    ) -> None:
        super().__init__(vocab_size, discount)
        self.order = order

    def fit(self, ids: TokenIds) -> None:
        if len(ids):
            self.count(ids, self.order or choose_order(ids, self.vocab_size, self.discount))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the numbers of the contexts of 1 to `order` - 1 tokens, all -1: [batch, order - 1]."""
        return self.no_contexts.expand(batch_size, -1)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities [batch, time, vocab_size] and the contexts after the last token."""
        contexts = self.contexts(ids.cpu().numpy(), state.cpu().numpy())
        probabilities = torch.from_numpy(self.probabilities([numbers.ravel() for numbers in contexts]))
        return probabilities.to(ids.device).log_().view(*ids.shape, -1), last_contexts(contexts, state)


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
            shorter = _probabilities(table, contexts, ngrams, shorter)
            contexts = np.append(-1, ngrams)[:-1]
        table = NGramTable(counts, vocab_size, discount)
        ngrams = table.find(contexts, tail)
        bits = -np.log2(_probabilities(table, contexts, ngrams, shorter)).sum()
        if bits < (1 - LEAST_GAIN * (order - best_order)) * least_bits:
            best_order, least_bits = order, bits
        elif order == best_order + PATIENCE:
            break
        previous = counts
    return best_order


def _probabilities(
    table: NGramTable, contexts: Integers, ngrams: Integers, shorter: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probabilities of n-grams (-1: never seen), given those with contexts shorter by a token."""
    discounted = np.where(ngrams < 0, 0.0, table.discounted(ngrams, contexts))
    return discounted + table.backoff(contexts) * shorter


FLOOR = 1e-6
"""Total probability of the unseen tokens, so that no text is impossible."""


class Uniform(nn.Module):
    """Pure chance: every token of the training text is equally likely, whatever came before.

    Each has the probability (1 - 1e-6) / number of seen tokens. With characters as tokens, its score is log2
    of the size of the training text's alphabet.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.register_buffer("log_probabilities", torch.full((vocab_size,), -math.log(vocab_size)))

    log_probabilities: Tensor

    def fit(self, ids: TokenIds) -> None:
        """Take the seen tokens from the ids of the training split."""
        vocab_size = len(self.log_probabilities)
        seen = count_tokens(ids, vocab_size) > 0
        num_unseen = vocab_size - int(seen.sum())
        floor = FLOOR if num_unseen else 0.0
        probabilities = np.where(seen, (1 - floor) / seen.sum(), floor / max(num_unseen, 1))
        self.log_probabilities.copy_(torch.from_numpy(np.log(probabilities)))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return an empty state [batch, 0]."""
        return torch.zeros(batch_size, 0, device=self.log_probabilities.device)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same logits [batch, time, vocab_size] at every position."""
        return self.log_probabilities.expand(*ids.shape, -1), state
