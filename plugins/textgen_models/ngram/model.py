"""Kneser-Ney n-grams, the strongest of the models that only count."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le, doc
from torch import Tensor

from textgen.contracts import Search, TokenIds
from textgen.nn.kneser_ney import KneserNey, last_contexts
from textgen_models.ngram.order import choose_order


class NGram(KneserNey):
    """Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998).

    Without an `order`, `choose_order` finds one: 7 or 8 characters or 5 words for a text of one or two
    megabytes. A model that was fitted to an empty text is uniform.
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
            doc("Discount of all counts; none: three estimated ones."),
            Search(values=(None, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ] = None,
    ) -> None:
        super().__init__(vocab_size, discount)
        self.order = order

    def fit(self, ids: TokenIds) -> None:
        """Count the n-grams of the training split."""
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
