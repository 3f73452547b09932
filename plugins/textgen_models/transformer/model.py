"""A decoder-only transformer (Vaswani et al. 2017, arXiv:1706.03762) that attends to a sliding window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor, nn

from textgen.contracts import PretrainedVectors, Search, TextgenError
from textgen.nn.layers import (
    DropoutProbability,
    FeatureModel,
    HiddenSize,
    LockedDropout,
    NumLayers,
    Softmax,
    TieWeights,
    TokenEmbedding,
    output_layer,
)
from textgen_models.transformer.block import Block, Cache, Rotary, normalised
from textgen_models.transformer.step import TransformerStep

TransformerState = tuple[Tensor, list[Cache]]
"""The number of tokens so far, [batch], and the keys and values of each layer, the latest last."""


class Transformer(FeatureModel):
    """Token embedding, `num_layers` blocks of attention and a feed-forward layer, and a linear output layer.

    A token attends to itself and the `context - 1` tokens before it, across chunks: the state holds their
    keys and values, and positions are relative. A stack reaches `num_layers` times as far.

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
            doc("Tokens that attention in a layer reaches back."),
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
        """Return the function for generating token by token, made from the current weights."""
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
