"""A decoder-only transformer (Vaswani et al. 2017, arXiv:1706.03762) that attends to a sliding window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn

from textgen.api import PretrainedVectors, Search, TextgenError
from textgen.nn.dropout import LockedDropout
from textgen.nn.embedding import TokenEmbedding
from textgen.nn.options import Dropout, HiddenSize, NumLayers, Softmax, TieWeights
from textgen.nn.softmax import output_layer
from textgen_models.transformer.block import Block, Cache, Rotary, normalised
from textgen_models.transformer.step import TransformerStep

TransformerState = tuple[Tensor, list[Cache]]
"""How many tokens there were, [batch], and the keys and values of each layer, the latest last."""


class Transformer(nn.Module):
    """Input table, `num_layers` blocks of attention and a feed-forward layer, and a linear output layer.

    A token attends to itself and the `context - 1` tokens before it, wherever a chunk begins: the state
    holds their keys and values, and positions are relative. A stack sees `num_layers` times as far.

    Normalised before each part, as GPT-2, but by root mean square alone (Zhang and Sennrich 2019), and so
    are queries and keys (Henry et al. 2020); no biases. The output weights are the input table, as in
    the model `lstm`, and so are dropout and the adaptive softmax for large vocabularies.
    """

    recommended_training: ClassVar[Mapping[str, Any]] = {"batch_size": 32, "sequence_length": 64}

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 4,
        hidden_size: HiddenSize = 256,
        num_heads: Annotated[
            int, Ge(1), doc("Heads of attention in a layer."), Search(values=(1, 2, 4, 8))
        ] = 4,
        context: Annotated[
            int,
            Ge(1),
            doc("Tokens that attention reaches back in a layer."),
            Search(32, 256, log=True, step=32),
        ] = 128,
        dropout: Dropout = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        """Build the layers; raises `TextgenError` if the heads have no even size."""
        super().__init__()
        if hidden_size % (2 * num_heads):
            raise TextgenError(
                f"transformer: hidden_size={hidden_size} is no multiple of twice num_heads={num_heads}; "
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
        """Return a count of zero [batch], and per layer keys and values of zero, which nothing attends to.

        These are [batch, context, num_heads, head_size].
        """
        weight = self.input.weight
        shape = (batch_size, self.context, self.num_heads, self.head_size)
        caches = [(weight.new_zeros(shape), weight.new_zeros(shape)) for _ in self.blocks]
        return torch.zeros(batch_size, dtype=torch.long, device=weight.device), caches

    def forward(self, ids: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Return the logits [batch, time, vocab_size] and the state after the last token."""
        features, state = self.features(ids, state)
        return self.output(features), state

    def loss(self, ids: Tensor, targets: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Return the mean loss in nats per token without holding all logits, and the next state."""
        features, state = self.features(ids, state)
        if torch.is_autocast_enabled(features.device.type):  # the sum of all layers is kept in fp32
            features = features.to(torch.get_autocast_dtype(features.device.type))
        return self.output.loss(features, targets), state

    def features(self, ids: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Return what the output layer sees, [batch, time, hidden_size], and the next state."""
        num_before, caches = state
        rotation, mask = self.rotary(num_before, ids.shape[1]), self._mask(num_before, ids.shape[1])
        features = self.dropout(self.embed(ids))
        following = []
        for block, cache in zip(self.blocks, caches, strict=True):
            features, latest = block(features, cache, rotation, mask)
            following.append(latest)
        return self.dropout(normalised(features)), (num_before + ids.shape[1], following)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the first layer's input, [..., hidden_size], whose entries are about 1 in size."""
        features: Tensor = self.widen(self.input(ids) * math.sqrt(self.input.size))
        return features

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropout, unless it was given, for a training that reads its text so often."""
        self.dropout.set_expected_epochs(num_epochs)

    def prepare_step(self, dtype: torch.dtype) -> TransformerStep:
        """Return the function for generating token by token, made from the weights as they are now."""
        with torch.no_grad():
            table = self.embed(torch.arange(len(self.input.weight), device=self.input.weight.device))
        blocks = [block for block in self.blocks if isinstance(block, Block)]
        return TransformerStep(table, blocks, self.rotary, self.output.for_generation(dtype), dtype)

    def _mask(self, num_before: Tensor, length: int) -> Tensor:
        """Return who attends to whom, [batch, 1, length, context + length]."""
        keys = torch.arange(self.context + length, device=num_before.device)
        distances = keys[self.context :, None] - keys
        is_near = (distances >= 0) & (distances < self.context)
        is_filled = keys >= self.context - num_before[:, None, None]
        return (is_near & is_filled)[:, None]
