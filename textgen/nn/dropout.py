"""Dropout of hidden features and of rows of a table, and how much of it suits a budget."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MAX_DROPOUT, MAX_ROW_DROPOUT = 0.3, 0.5
"""Automatic probabilities, at most."""
ROW_SHARE = 6.0
"""Automatic dropout of rows, as a multiple of that of features."""


def automatic_dropout(num_epochs: float, parameters_per_token: float) -> float:
    """Return the dropout probability for this number of epochs and of parameters per token of the text.

    A model memorises a text by reading it often and by having room for it, so what counts is the product of
    both, where fewer parameters than tokens are no reason for more epochs without dropout: 0 up to 3, then
    0.05 more for each factor of 3. The fit is in docs/budgets.md.
    """
    exposure = num_epochs * max(1.0, parameters_per_token)
    return min(max(0.05 * math.log(max(exposure, 1) / 3, 3), 0.0), MAX_DROPOUT)


class Dropout(nn.Module):
    """A probability that is given, or follows what the budget allows; `forward` is defined by subclasses."""

    def __init__(self, probability: float | None) -> None:
        super().__init__()
        self.is_automatic = probability is None
        self.probability = probability or 0.0

    def follow(self, automatic: float) -> None:
        """Take the result of `automatic_dropout`, unless the probability is given."""
        if self.is_automatic:
            self.probability = automatic


class LockedDropout(Dropout):
    """Dropout with one mask for all time steps of a window (Gal and Ghahramani 2016, arXiv:1512.05287).

    A mask per time step would add a seventh to the training time on a CPU.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return `features` [batch, time, size], in training with some set to zero at all time steps."""
        if not self.training or not self.probability:
            return features
        mask = torch.empty_like(features[:, :1]).bernoulli_(1 - self.probability)
        return features * (mask / (1 - self.probability))


class RowDropout(Dropout):
    """Dropout of whole rows of a table, the same in a window (Gal and Ghahramani 2016; Merity et al. 2018).

    A row that few places of a text have in common is where a model memorises them.
    """

    def follow(self, automatic: float) -> None:
        """Take a multiple of the result of `automatic_dropout`, unless the probability is given."""
        super().follow(min(ROW_SHARE * automatic, MAX_ROW_DROPOUT))

    def forward(self, vectors: Tensor, rows: Tensor, num_rows: int) -> Tensor:
        """Return `vectors` [batch, time, size] of `rows` [batch, time], in training with some rows zero."""
        if not self.training or not self.probability:
            return vectors
        kept = torch.empty(num_rows, device=vectors.device, dtype=vectors.dtype)
        kept = kept.bernoulli_(1 - self.probability) / (1 - self.probability)
        return vectors * kept[rows][..., None]
