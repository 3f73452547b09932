"""A block of the transformer: attention with rotary positions, then a feed-forward layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Cache = tuple[Tensor, Tensor]
"""Keys and values of the last tokens, each [batch, context, num_heads, head_size]."""

BASE = 10_000
"""Approximate ratio of the slowest to the fastest period of rotation."""
PERIOD = 2**20
"""Tokens after which all rotations are back at zero, so that angles are exact in a text of any length."""


class Block(nn.Module):
    """A block with two residual updates: attention, then a feed-forward layer.

    The feed-forward layer is four times as wide, and its activation is the squared ReLU (So et al. 2021,
    arXiv:2109.08668).
    """

    def __init__(self, size: int, num_heads: int, num_layers: int, dropout: nn.Module) -> None:
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.qkv = nn.Linear(size, 3 * size, bias=False)
        self.mix = nn.Linear(size, size, bias=False)
        self.up = nn.Linear(size, 4 * size, bias=False)
        self.down = nn.Linear(4 * size, size, bias=False)
        for layer in (self.qkv, self.mix, self.up, self.down):
            # The outputs of all blocks together begin at about the size of the features they are added to.
            num_added = 2 * num_layers if layer in (self.mix, self.down) else 1
            nn.init.normal_(layer.weight, std=(layer.in_features * num_added) ** -0.5)

    def forward(self, features: Tensor, cache: Cache, rotation: Tensor, mask: Tensor) -> tuple[Tensor, Cache]:
        """Return the features [batch, time, size] and the cache after them.

        `rotation` is that of the tokens' positions; `mask` [batch, 1, time, context + time] is true for the
        keys, cached and new, that each token attends to.
        """
        queries, keys, values = split_heads(self.qkv(normalised(features)), self.num_heads, rotation)
        old_keys, old_values = cache
        keys = torch.cat((old_keys.to(keys.dtype), keys), dim=1)
        values = torch.cat((old_values.to(values.dtype), values), dim=1)
        features = features + self.dropout(self.mix(attention(queries, keys, values, mask)))
        raised = squared_relu(self.up(normalised(features)))
        features = features + self.dropout(self.down(raised))
        num_new = keys.shape[1] - old_keys.shape[1]
        return features, (keys[:, num_new:], values[:, num_new:])


class Rotary(nn.Module):
    """Rotations of pairs of features by the position, with a speed for each pair (Su et al. 2021).

    Dot products of rotated queries and keys depend only on their distance. Source: arXiv:2104.09864.
    """

    turns: Tensor

    def __init__(self, head_size: int) -> None:
        super().__init__()
        fractions = torch.arange(head_size // 2) / (head_size // 2)
        turns = (PERIOD / (2 * math.pi) * BASE**-fractions).round().long()  # per period
        self.register_buffer("turns", turns, persistent=False)

    def forward(self, num_before: Tensor, length: int) -> Tensor:
        """Return cosines and sines, [2, batch, length, 1, head_size / 2].

        The `length` positions are those after the first `num_before` [batch].
        """
        positions = num_before[:, None] + torch.arange(length, device=num_before.device)
        angles = (positions[:, :, None] * self.turns % PERIOD) * (2 * math.pi / PERIOD)
        return torch.stack((angles.cos(), angles.sin()))[:, :, :, None]


def split_heads(qkv: Tensor, num_heads: int, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries and keys, normalised and rotated, and values, [batch, time, num_heads, head_size]."""
    queries, keys, values = qkv.view(*qkv.shape[:2], 3, num_heads, -1).unbind(2)
    return rotated(normalised(queries), rotation), rotated(normalised(keys), rotation), values


def attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Return the attention of the queries to the values, [batch, time, size]."""
    attended = F.scaled_dot_product_attention(
        queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2), attn_mask=mask
    )
    return attended.transpose(1, 2).flatten(2)


def rotated(vectors: Tensor, rotation: Tensor) -> Tensor:
    """Return vectors [batch, time, num_heads, head_size], rotated; pairs are one number of each half."""
    cosines, sines = rotation
    first, second = vectors.chunk(2, dim=-1)
    turned = torch.cat((first * cosines - second * sines, first * sines + second * cosines), dim=-1)
    return turned.to(vectors.dtype)


def normalised(features: Tensor) -> Tensor:
    """Return features with a root mean square of 1 over the last dimension."""
    return F.rms_norm(features, features.shape[-1:])


def squared_relu(features: Tensor) -> Tensor:
    """Return max(features, 0)²."""
    return F.relu(features).square()
