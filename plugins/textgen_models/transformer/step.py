"""Generation step of the transformer, with keys and values in ring buffers."""

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
