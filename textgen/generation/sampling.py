"""Sampling from a categorical distribution with given uniform numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def sample_categorical(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Return ids [batch] sampled from softmax(`logits` [batch, vocab_size]) by inverting the cumulative sum.

    The same `uniforms` [batch] in [0, 1) give the same ids, whatever else is in the batch. A token with
    probability zero (a logit of minus infinity) is never chosen.
    """
    wide = wide_type(logits.device)
    cumulative = torch.softmax(logits.float(), dim=-1).cumsum(dim=-1, dtype=wide)
    total = cumulative[:, -1:]
    # Scaled by the total, which rounding leaves slightly off 1, and kept below it, so that `right`, which
    # skips tokens with probability zero, finds one.
    threshold = torch.minimum(uniforms.to(wide)[:, None] * total, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0]


def wide_type(device: torch.device) -> torch.dtype:
    """Return the type for sums over a vocabulary: float64, or float32 on MPS, which lacks it."""
    return torch.float32 if device.type == "mps" else torch.float64
