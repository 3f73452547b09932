"""A decoder-only transformer (Vaswani et al. 2017, arXiv:1706.03762) that attends to a sliding window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, Search, TextgenError
from textgen.nn.layers import (
    DropoutProbability,
    FeatureModel,
    HiddenSize,
    NumLayers,
    Softmax,
    TieWeights,
    TokenEmbedding,
    output_layer,
)
from textgen.nn.quantized import FloatLinear
from textgen_models.dropout import LockedDropout

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


class StepState(NamedTuple):
    """State of the generation step."""

    num_before: Tensor
    """The number of tokens so far, [batch]."""
    caches: list[Cache]
    """Ring buffers: keys and values of token n are at index n modulo `context`."""


class TransformerStep:
    """Ids [batch] and a state to logits [batch, vocab_size] and the next state.

    The order of keys does not matter to attention, which sees positions only by their rotation. The caches
    are written in place, so a state can be used only once. Matmuls with weights are computed in `dtype`,
    the rest in fp32.
    """

    def __init__(
        self,
        table: Tensor,
        blocks: Sequence[Block],
        rotary: Rotary,
        output: Callable[[Tensor], Tensor],
        dtype: torch.dtype,
    ) -> None:
        self._table, self._rotary, self._output = table.detach(), rotary, output
        self._num_heads = blocks[0].num_heads
        self._layers = [
            [_product(layer.weight, dtype) for layer in (block.qkv, block.mix, block.up, block.down)]
            for block in blocks
        ]

    def __call__(
        self, ids: Tensor, state: StepState | tuple[Tensor, list[Cache]]
    ) -> tuple[Tensor, StepState]:
        """Advance by one token. The first state may be the model's, later ones are the step's own."""
        num_before, caches = state if isinstance(state, StepState) else rings(*state)
        context = caches[0][0].shape[1]
        rows, places = torch.arange(len(ids), device=ids.device), num_before % context
        mask = (torch.arange(context, device=ids.device) <= num_before[:, None])[:, None, None]
        rotation = self._rotary(num_before, 1)
        features = F.embedding(ids, self._table)[:, None]
        for (qkv, mix, up, down), (keys, values) in zip(self._layers, caches, strict=True):
            queries, key, value = split_heads(qkv(normalised(features)), self._num_heads, rotation)
            keys[rows, places], values[rows, places] = key[:, 0], value[:, 0]
            features = features + mix(attention(queries, keys, values, mask))
            features = features + down(squared_relu(up(normalised(features))))
        return self._output(normalised(features[:, 0])), StepState(num_before + 1, caches)


def rings(num_before: Tensor, caches: Sequence[Cache]) -> StepState:
    """Return the step's state for the model's, in which the latest token comes last in the caches."""
    context = caches[0][0].shape[1]
    order = (torch.arange(context, device=num_before.device) - num_before[:, None]) % context
    rows = torch.arange(len(order), device=order.device)[:, None]
    return StepState(num_before, [(keys[rows, order], values[rows, order]) for keys, values in caches])


def _product(weight: Tensor, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    layer = FloatLinear(weight, weight.new_zeros(len(weight)), dtype)
    return lambda features: layer(layer.prepare_input(features))


TransformerState = tuple[Tensor, list[Cache]]
"""The number of tokens so far, [batch], and the keys and values of each layer, the latest last."""


class Transformer(FeatureModel):
    """Network that looks back, at each token, at all of the last ones at once (attention).

    Token embedding, `num_layers` blocks of attention and a feed-forward layer, and a linear output layer. A
    token attends to itself and the `context - 1` tokens before it, across chunks: the state holds their keys
    and values, and positions are relative. A stack reaches `num_layers` times as far.

    As in GPT-2, the input of each part is normalised, but by its root mean square (Zhang and Sennrich 2019),
    and so are queries and keys (Henry et al. 2020); there are no biases. Tied output weights, dropout and
    the adaptive softmax for large vocabularies are as in the model `lstm`.
    """

    recommended_training: ClassVar[Mapping[str, Any]] = {"batch_size": 32, "sequence_length": 64}

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 4,
        hidden_size: HiddenSize = 256,
        num_heads: Annotated[
            int, Ge(1), Le(1024), doc("Attention heads per layer."), Search(values=(1, 2, 4, 8))
        ] = 4,
        context: Annotated[
            int,
            Ge(1),
            Le(65_536),
            doc("Attention span of each layer in tokens."),
            Search(32, 256, log=True, step=32),
        ] = 128,
        dropout: DropoutProbability = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        """Build the layers; raises `TextgenError` if the size of a head would not be an even number."""
        super().__init__()
        if hidden_size % (2 * num_heads):
            raise TextgenError(
                f"transformer: hidden_size={hidden_size} is not a multiple of twice num_heads={num_heads}; "
                "change one of them"
            )
        self.context, self.num_heads, self.head_size = context, num_heads, hidden_size // num_heads
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, hidden_size, vectors)
        fits = self.input.size == hidden_size
        self.widen = nn.Identity() if fits else nn.Linear(self.input.size, hidden_size, bias=False)
        self.rotary = Rotary(self.head_size)
        blocks = [Block(hidden_size, num_heads, num_layers, self.dropout) for _ in range(num_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)

    def initial_state(self, batch_size: int) -> TransformerState:
        """Return a count of zero [batch], and per layer keys and values that no token attends to.

        Keys and values are [batch, context, num_heads, head_size].
        """
        weight = self.input.weight
        shape = (batch_size, self.context, self.num_heads, self.head_size)
        caches = [(weight.new_zeros(shape), weight.new_zeros(shape)) for _ in self.blocks]
        return torch.zeros(batch_size, dtype=torch.long, device=weight.device), caches

    def features(self, ids: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        num_before, caches = state
        rotation, mask = self.rotary(num_before, ids.shape[1]), self._mask(num_before, ids.shape[1])
        features = self.dropout(self.embed(ids))
        following = []
        for block, cache in zip(self.blocks, caches, strict=True):
            features, latest = block(features, cache, rotation, mask)
            following.append(latest)
        features = self.dropout(normalised(features))
        if torch.is_autocast_enabled(features.device.type):  # up to here, the sum of all layers is in fp32
            features = features.to(torch.get_autocast_dtype(features.device.type))
        return features, (num_before + ids.shape[1], following)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input of the first layer, [..., hidden_size], with entries of a size of about 1."""
        features: Tensor = self.widen(self.input(ids) * math.sqrt(self.input.size))
        return features

    def prepare_step(self, dtype: torch.dtype) -> TransformerStep:
        with torch.no_grad():
            table = self.embed(torch.arange(len(self.input.weight), device=self.input.weight.device))
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        return TransformerStep(table, blocks, self.rotary, self.output.for_generation(dtype), dtype)

    def _mask(self, num_before: Tensor, length: int) -> Tensor:
        """Return the mask of the keys that each token attends to, [batch, 1, length, context + length]."""
        keys = torch.arange(self.context + length, device=num_before.device)
        distances = keys[self.context :, None] - keys
        is_near = (distances >= 0) & (distances < self.context)
        is_filled = keys >= self.context - num_before[:, None, None]
        return (is_near & is_filled)[:, None]
