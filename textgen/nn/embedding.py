"""Token embedding: one learned vector per token, or a pretrained one where it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors


class TokenEmbedding(nn.Module):
    """A layer from token ids [...] to vectors [..., size], with an initial norm of about 1.

    With `vectors`, the rows that were found start from them, scaled to that norm on average, and `size` is
    their dimension. Frozen rows are in a separate buffer that no gradient reaches.
    """

    layer_role: ClassVar[str] = "input"
    fixed: Tensor
    is_fixed: Tensor

    def __init__(self, vocab_size: int, size: int, vectors: PretrainedVectors | None = None) -> None:
        super().__init__()
        self.size = size if vectors is None else vectors.table.shape[1]
        scale = self.size**-0.5  # the standard deviation of an entry
        table = torch.randn(vocab_size, self.size) * scale
        frozen = vectors is not None and vectors.frozen
        if vectors is not None:
            known = vectors.table[vectors.found]
            spread = known.square().mean().sqrt() if len(known) else torch.tensor(1.0)
            table[vectors.found] = known / spread.clamp(min=1e-12) * scale
        self.weight = nn.Parameter(table)
        if frozen and vectors is not None:
            self.register_buffer("is_fixed", vectors.found[:, None].clone())
            self.register_buffer("fixed", torch.where(self.is_fixed, table, 0.0))
        self.frozen = frozen

    @property
    def num_frozen_parameters(self) -> int:
        """The number of values in the frozen rows; the same rows of `weight` are never read."""
        return int(self.is_fixed.sum()) * self.size if self.frozen else 0

    def table(self) -> Tensor:
        """Return the vectors of all tokens, [vocab_size, size]."""
        return torch.where(self.is_fixed, self.fixed, self.weight) if self.frozen else self.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of `ids`."""
        return F.embedding(ids, self.table())


@dataclass(frozen=True)
class SharedRows:
    """The rows `begin` to `end` of a token embedding, as an output layer shares them."""

    embedding: TokenEmbedding
    begin: int
    end: int

    def table(self) -> Tensor:
        """Return the rows, [end - begin, size]."""
        return self.embedding.table()[self.begin : self.end]
