"""A stack of LSTM layers (Hochreiter and Schmidhuber 1997), as in the original text generator."""

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
from textgen_models.lstm.layers import OUTPUT_GAIN, initialise
from textgen_models.lstm.step import LSTMStep

LSTMState = tuple[Tensor, Tensor]
"""Hidden and cell states, each [batch, num_layers, hidden_size]."""


class LSTM(FeatureModel):
    """Token embedding, `num_layers` LSTM layers with dropout around them, and a linear output layer.

    The output weights are those of the embedding (Press and Wolf 2017) if `tie_weights` is set and both
    have the same size. Embedded tokens are scaled by the root of their size (Vaswani et al. 2017, section
    3.4). The forget gates start open, with bias 1 (Jozefowicz et al. 2015).
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
        self.layers = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        for layer in self.layers:
            assert isinstance(layer, nn.LSTM)
            initialise(layer)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return zero hidden and cell states, each [batch, num_layers, hidden_size]."""
        zeros = self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)
        return zeros, zeros

    def features(self, ids: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        features = self.input(ids) * math.sqrt(self.input.size)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        last_hidden, last_cell = [], []
        for index, layer in enumerate(self.layers):
            outputs, (h, c) = layer(self.dropout(features), (hidden[index, None], cell[index, None]))
            features = OUTPUT_GAIN * outputs
            last_hidden.append(h[0])
            last_cell.append(c[0])
        return self.dropout(features), (torch.stack(last_hidden, 1), torch.stack(last_cell, 1))

    def prepare_step(self, dtype: torch.dtype) -> LSTMStep:
        """Return the function for generating token by token, made from the current weights."""
        table = self.input.table() * math.sqrt(self.input.size)
        layers = [layer for layer in self.layers if isinstance(layer, nn.LSTM)]
        return LSTMStep(
            table, layers, self.output.for_generation(dtype, bound=OUTPUT_GAIN), OUTPUT_GAIN, dtype
        )
