"""Dropout with one mask for a window: of features at all of its time steps, or of rows of a table."""

from __future__ import annotations

import torch
from torch import Tensor

from textgen.nn.layers import Dropout

MAX_ROW_DROPOUT = 0.5
"""Automatic dropout of rows, at most."""
ROW_SHARE = 6.0
"""Automatic dropout of rows, as a multiple of that of features."""


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
