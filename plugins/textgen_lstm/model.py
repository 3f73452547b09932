"""A stack of LSTM layers (Hochreiter and Schmidhuber 1997), as in the original text generator."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.api import InputVectors
from textgen.input_table import InputTable

LSTMState = tuple[Tensor, Tensor]

OUTPUT_GAIN = 3.0
"""Scale of what a layer hands on. A new LSTM layer's outputs have a root mean square of about 1/3; were
they handed on as they are, each layer would dim them, and a deep stack would stay at unigram level for
thousands of updates."""


class LSTM(nn.Module):
    """Input table, `num_layers` LSTM layers with dropout between them, and a linear output layer.

    The output weights are the input table (Press and Wolf 2017) when `tie_weights` is set and both have
    the same width; it is scaled by the root of its width on input (Vaswani et al. 2017, section 3.4). The
    forget gates start open, with bias 1 (Jozefowicz et al. 2015).
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: Annotated[int, Ge(1)] = 3,
        hidden_size: Annotated[int, Ge(1)] = 256,
        embedding_size: Annotated[int, Ge(0)] = 0,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
        tie_weights: bool = True,
        vectors: InputVectors | None = None,
    ) -> None:
        """Build the layers; `embedding_size` 0 stands for `hidden_size`."""
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.dropout = nn.Dropout(dropout)
        self.input = InputTable(vocab_size, embedding_size or hidden_size, vectors)
        sizes = [self.input.size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.tied = tie_weights and self.input.size == hidden_size
        self.output = None if self.tied else nn.Linear(hidden_size, vocab_size, bias=False)
        self.output_bias = nn.Parameter(torch.zeros(vocab_size))
        for layer in self.layers:
            _initialise(layer, hidden_size)

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return zero hidden and cell states, each [batch, num_layers, hidden_size]."""
        zeros = self.output_bias.new_zeros(batch_size, self.num_layers, self.hidden_size)
        return zeros, zeros

    def forward(self, ids: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return the logits [batch, time, vocab_size] and the state after the last token."""
        features, state = self.features(ids, state)
        weight = self.input.table() if self.output is None else self.output.weight
        return F.linear(features, weight, self.output_bias), state

    def features(self, ids: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return what the output layer sees, [batch, time, hidden_size], and the next state."""
        features = self.input(ids) * math.sqrt(self.input.size)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        last_hidden, last_cell = [], []
        for index, layer in enumerate(self.layers):
            outputs, (h, c) = layer(self.dropout(features), (hidden[index, None], cell[index, None]))
            features = OUTPUT_GAIN * outputs
            last_hidden.append(h[0])
            last_cell.append(c[0])
        return self.dropout(features), (torch.stack(last_hidden, 1), torch.stack(last_cell, 1))


def _initialise(layer: nn.Module, hidden_size: int) -> None:
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                nn.init.ones_(parameter[hidden_size : 2 * hidden_size])  # gates: input, forget, cell, output
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
