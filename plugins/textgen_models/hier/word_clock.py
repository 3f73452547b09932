"""A recurrence that advances at some positions only, a number that differs from row to row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgen_models.lstm.layers import LayerState, ragged_lstm


class WordClock(nn.LSTM):
    """An LSTM whose steps are the ticks."""

    def forward(  # type: ignore[override]
        self, features: Tensor, is_tick: Tensor, state: LayerState
    ) -> tuple[Tensor, Tensor, LayerState]:
        """Advance by `features` [batch, time, input_size] at the ticks [batch, time].

        Returns a table of outputs, [batch · (1 + most ticks of a row), hidden_size], with those before the
        first tick; which of them is the latest at each position, [batch, time]; and the next state.
        """
        numbers = is_tick.cumsum(dim=1)  # of ticks so far
        counts = numbers[:, -1]
        rows, columns = is_tick.nonzero(as_tuple=True)
        inputs = features.new_zeros(len(features), int(counts.max()), features.shape[2])
        inputs = inputs.index_put((rows, numbers[rows, columns] - 1), features[rows, columns])
        outputs, following = ragged_lstm(self, inputs, counts, state)
        table = torch.cat((state[0][:, None].to(outputs.dtype), outputs), dim=1)
        starts = torch.arange(len(table), device=numbers.device) * table.shape[1]
        return table.flatten(0, 1), starts[:, None] + numbers, following
