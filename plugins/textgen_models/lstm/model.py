"""A stack of LSTM layers (Hochreiter and Schmidhuber 1997), as in the original text generator."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgen_models.lstm.step import LSTMStep
from textgen_models.recurrent import OUTPUT_GAIN, RecurrentModel

LSTMState = tuple[Tensor, Tensor]
"""Hidden and cell states, each [batch, num_layers, hidden_size]."""


class LSTM(RecurrentModel):
    """Token embedding, `num_layers` LSTM layers with dropout around them, and a linear output layer.

    The output weights are those of the embedding (Press and Wolf 2017) if `tie_weights` is set and both
    have the same size. Embedded tokens are scaled by the root of their size (Vaswani et al. 2017, section
    3.4). The forget gates start open, with bias 1 (Jozefowicz et al. 2015).
    """

    layer_class: ClassVar[type[nn.LSTM]] = nn.LSTM

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
