"""A stack of gated recurrent units (Cho et al. 2014, arXiv:1406.1078): three gates to the LSTM's four."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgen_models.recurrent import OUTPUT_GAIN, RecurrentModel


class GRU(RecurrentModel):
    """Token embedding, `num_layers` GRU layers with dropout around them, and a linear output layer.

    Everything but the cell is as in the model `lstm`: tied weights, scales, the adaptive softmax for large
    vocabularies. The update gates start with bias 1, so that a new unit remembers.
    """

    layer_class: ClassVar[type[nn.GRU]] = nn.GRU

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
