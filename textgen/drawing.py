"""Drawing from a categorical distribution with given uniform numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Return ids [batch] drawn from softmax(`logits` [batch, vocab_size]) by inverting the cumulative sum.

    The same `uniforms` [batch] in [0, 1) give the same ids, whatever else is in the batch. A token of
    probability zero (logit minus infinity) is never drawn.
    """
    wide = torch.float32 if logits.device.type == "mps" else torch.float64  # which MPS lacks
    cumulative = torch.softmax(logits.to(wide), dim=-1).cumsum(dim=-1)
    # Scaled by the total, since rounding leaves it a little off 1. `right` skips tokens of no probability.
    threshold = uniforms.to(wide)[:, None] * cumulative[:, -1:]
    ids = torch.searchsorted(cumulative, threshold, right=True)[:, 0]
    last = (cumulative < cumulative[:, -1:]).sum(dim=-1)  # the last token that has probability
    return torch.minimum(ids, last)
