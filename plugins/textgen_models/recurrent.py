"""Parts of the models `lstm`, `gru` and `hier`: a stack of layers, their scales and initial weights."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor, nn

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import (
    DropoutProbability,
    EmbeddingSize,
    FeatureModel,
    FullSoftmax,
    HiddenSize,
    LockedDropout,
    NumLayers,
    Softmax,
    TieWeights,
    TokenEmbedding,
    output_layer,
)
from textgen.nn.portable import PortableNetwork

OUTPUT_GAIN = 3.0
"""Factor of each layer's outputs. In a new LSTM layer they have a root mean square of 0.2 to 0.3; unscaled,
they would shrink from layer to layer, and deep stacks would stay at unigram level for thousands of
updates."""

LayerState = tuple[Tensor, Tensor]
"""Hidden and cell state of a layer, each [batch, hidden_size]."""


class RecurrentModel(FeatureModel):
    """Token embedding, `num_layers` layers of a class with dropout around them, and a linear output layer."""

    layer_class: ClassVar[type[nn.LSTM | nn.GRU]]

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 3,
        hidden_size: HiddenSize = 256,
        embedding_size: EmbeddingSize = 0,
        dropout: DropoutProbability = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        sizes = [self.input.size] + [hidden_size] * (num_layers - 1)
        layers = [self.layer_class(size, hidden_size, batch_first=True) for size in sizes]
        self.layers = nn.ModuleList(layers)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        for layer in layers:
            initialise(layer)

    def portable(self) -> PortableNetwork | None:
        """Return the network as a page can compute it; None with the adaptive softmax."""
        if not isinstance(self.output, FullSoftmax):
            return None
        return PortableNetwork(
            cell="lstm" if self.layer_class is nn.LSTM else "gru",
            table=self.input.table() * math.sqrt(self.input.size),
            layers=[layer for layer in self.layers if isinstance(layer, (nn.LSTM, nn.GRU))],
            gain=OUTPUT_GAIN,
            weight=self.output.weights(),
            bias=self.output.bias,
        )


def initialise(layer: nn.LSTM | nn.GRU) -> None:
    """Set the initial weights of a layer, with open forget or update gates, so that a new unit remembers."""
    size = layer.hidden_size
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):  # LSTM: input, forget, cell, output; GRU: reset, update, new
                nn.init.ones_(parameter[size : 2 * size])
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(len(parameter) // size):
                nn.init.orthogonal_(gate)
        else:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
