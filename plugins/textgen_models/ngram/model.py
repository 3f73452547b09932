"""Kneser-Ney n-grams, the strongest of the models that only count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, doc
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.api import Search, TokenIds
from textgen_models.ngram.counts import Counts, count_ngrams
from textgen_models.ngram.order import choose_order
from textgen_models.ngram.table import Table

PARTS = ("num_next", "tokens", "counts")
"""The arrays of `Counts` that are buffers of the model for each length."""

LEAST_WEIGHT, LEAST_PROBABILITY = 1e-26, 1e-11
"""Minimum weight of the distribution without context and minimum probability in it, for fp32's range."""


class NGram(nn.Module):
    """Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

    A token is predicted from the `order` - 1 tokens before it (see `Table`). Single tokens are interpolated
    with the uniform distribution, so that nothing is impossible. Three discounts are estimated for each
    length of n-grams; a single `discount` gives the method of Kneser and Ney (1995). Without an `order`,
    `choose_order` finds one: 7 or 8 characters or 5 words for a text of one or two megabytes.

    Everything is computed on the CPU. A model that was fitted to an empty text is uniform.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(
        self,
        vocab_size: int,
        *,
        order: Annotated[
            Annotated[int, Ge(1)] | None,
            doc("Length of the n-grams in tokens; none: automatic."),
            Search(values=(None, 2, 3, 4, 5, 6, 7, 8, 10)),
        ] = None,
        discount: Annotated[
            Annotated[float, Gt(0), Le(1)] | None,
            doc("Discount of all counts; none: three estimated ones."),
            Search(values=(None, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ] = None,
    ) -> None:
        super().__init__()
        self.vocab_size, self.order, self.discount = vocab_size, order, discount
        self._use([])

    no_contexts: Tensor

    def fit(self, ids: TokenIds) -> None:
        """Count the n-grams of the training split."""
        if len(ids):
            order = self.order or choose_order(ids, self.vocab_size, self.discount)
            self._use(count_ngrams(ids, self.vocab_size, order))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the numbers of the contexts of 1 to `order` - 1 tokens, all -1: [batch, order - 1]."""
        return self.no_contexts.expand(batch_size, -1)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities [batch, time, vocab_size] and the contexts after the last token."""
        contexts = self._contexts(ids, state)
        probabilities = torch.from_numpy(self._probabilities([numbers.ravel() for numbers in contexts]))
        last = [torch.from_numpy(numbers[:, -1]) for numbers in contexts[1:]]
        following = torch.stack(last, dim=1).to(ids.device) if last else state
        return probabilities.to(ids.device).log_().view(*ids.shape, -1), following

    def _contexts(self, ids: Tensor, state: Tensor) -> list[NDArray[np.int64]]:
        """Return the contexts of 0, 1, … `order` - 1 tokens up to each of `ids`, as numbers [batch, time]."""
        tokens, before = ids.cpu().numpy(), state.cpu().numpy()
        contexts = [np.zeros_like(tokens)]
        shorter = contexts[0]
        for length, table in enumerate(self._tables[:-1]):
            contexts.append(table.find(shorter, tokens))
            shorter = np.concatenate([before[:, length, None], contexts[-1][:, :-1]], axis=1)
        return contexts

    def _probabilities(self, contexts: list[NDArray[np.int64]]) -> NDArray[np.float32]:
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

    def _use(self, levels: Sequence[Counts]) -> None:
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
            self._tables.append(Table(level, self.vocab_size, self.discount))
        self._without_context = lowest(self._tables[:1], self.vocab_size)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Take the n-grams from `state_dict`, since their number depends on the text."""
        levels: list[Counts] = []
        num_contexts = 1
        while f"{prefix}tokens_{len(levels) + 1}" in state_dict:
            names = [f"{prefix}{part}_{len(levels) + 1}" for part in PARTS]
            levels.append(Counts(*(state_dict[name].cpu().numpy() for name in names)))
            if not levels[-1].fits(num_contexts, self.vocab_size):
                raise ValueError(f"the n-grams of length {len(levels)} do not fit the shorter ones")
            num_contexts = len(levels[-1].tokens)
        self._use(levels)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def lowest(tables: Sequence[Table], vocab_size: int) -> NDArray[np.float32]:
    """Return the distribution without context [vocab_size]; without a table, the uniform one."""
    probabilities = np.full(vocab_size, 1 / vocab_size, np.float64)
    for table in tables:
        root = np.zeros(1, np.int64)
        ngrams, rows = table.following(root)
        probabilities *= table.backoff(root)
        probabilities[table.tokens] += table.discounted(ngrams, rows)
    return probabilities.clip(LEAST_PROBABILITY).astype(np.float32)
