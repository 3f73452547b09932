"""A stack of gated recurrent units (Cho et al. 2014, arXiv:1406.1078): three gates to the LSTM's four."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from textgen.contracts import PretrainedVectors
from textgen.nn.embedding import TokenEmbedding
from textgen.nn.feature_model import (
    Dropout,
    EmbeddingSize,
    FeatureModel,
    HiddenSize,
    LockedDropout,
    NumLayers,
    Softmax,
    TieWeights,
)
from textgen.nn.softmax import output_layer

OUTPUT_GAIN = 3.0
"""Factor of each layer's outputs, which are well below 1 in a new layer, as in the model `lstm`."""


class GRU(FeatureModel):
    """Token embedding, `num_layers` GRU layers with dropout around them, and a linear output layer.

    Everything but the cell is as in the model `lstm`: tied weights, scales, the adaptive softmax for large
    vocabularies. The update gates start with bias 1, so that a new unit remembers.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 3,
        hidden_size: HiddenSize = 256,
        embedding_size: EmbeddingSize = 0,
        dropout: Dropout = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        sizes = [self.input.size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.GRU(size, hidden_size, batch_first=True) for size in sizes)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        for layer in self.layers:
            _initialise(layer, hidden_size)

    def initial_state(self, batch_size: int) -> Tensor:
        """Return zero hidden states, [batch, num_layers, hidden_size]."""
        return self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)

    def features(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        features = self.input(ids) * math.sqrt(self.input.size)
        last = []
        for layer, hidden in zip(self.layers, state.transpose(0, 1).contiguous(), strict=True):
            outputs, end = layer(self.dropout(features), hidden[None])
            features = OUTPUT_GAIN * outputs
            last.append(end[0])
        return self.dropout(features), torch.stack(last, dim=1)


def _initialise(layer: nn.Module, hidden_size: int) -> None:
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                nn.init.ones_(parameter[hidden_size : 2 * hidden_size])  # gates: reset, update, new
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(3):
                nn.init.orthogonal_(gate)
        else:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
