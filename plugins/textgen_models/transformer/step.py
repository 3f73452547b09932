"""Generation step of the transformer: keys and values are written where they belong, and nothing is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from textgen.nn.quantized_linear import FloatLinear
from textgen_models.transformer.block import (
    Block,
    Cache,
    Rotary,
    attention,
    normalised,
    split_heads,
    squared_relu,
)


class StepState(NamedTuple):
    """The step's own state."""

    num_before: Tensor
    """How many tokens there were, [batch]."""
    caches: list[Cache]
    """Rings: what belongs to token n stands at place n modulo `context`."""


class TransformerStep:
    """Ids [batch] and a state to logits [batch, vocab_size] and the next state.

    Where keys stand is all the same to attention, which sees positions in their rotation alone. The caches
    are written in place, so that a state is used once. Products of weights are computed in `dtype`, the
    rest in fp32.
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
        """Advance by one token. The first state may be the model's, the following are the step's own."""
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
    """Return the model's state, in which the latest token stands last in the caches, as the step's."""
    context = caches[0][0].shape[1]
    order = (torch.arange(context, device=num_before.device) - num_before[:, None]) % context
    rows = torch.arange(len(order), device=order.device)[:, None]
    return StepState(num_before, [(keys[rows, order], values[rows, order]) for keys, values in caches])


def _product(weight: Tensor, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    layer = FloatLinear(weight, weight.new_zeros(len(weight)), dtype)
    return lambda features: layer(layer.prepare_input(features))
