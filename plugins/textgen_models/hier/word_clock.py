"""A recurrence that advances at some positions only, a number that differs from row to row."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen_models.recurrent import LayerState

SHUT = 40.0
"""An input to a gate that opens it completely, or with a minus sign shuts it, in every precision."""


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


def ragged_lstm(
    layer: nn.LSTM, inputs: Tensor, lengths: Tensor, state: LayerState
) -> tuple[Tensor, LayerState]:
    """Return the outputs [batch, time, hidden_size] of an LSTM layer, and its state at each sequence's end.

    `inputs` are [batch, time, size], of which row i has `lengths[i]` (0 to time); outputs after a row's end
    mean nothing. The hidden and the cell state are [batch, hidden_size].

    Rows are sorted by length and computed in two blocks of time, the second without the rows that ended in
    the first. In the rest of the block in which a row ends, a further input shuts the input gate and opens
    the forget gate, which keeps the cell state. On a CPU this is faster than a `PackedSequence`, for which
    torch does not use oneDNN.
    """
    order = lengths.argsort(descending=True)
    ends = lengths[order].tolist()
    is_over = torch.arange(inputs.shape[1], device=lengths.device) >= lengths[order, None]
    inputs = torch.cat((inputs.index_select(0, order), is_over[..., None].to(inputs.dtype)), dim=-1)
    weight_ih, weight_hh, bias_ih, bias_hh = layer.parameters()
    hold = torch.tensor([-SHUT, SHUT, 0.0, 0.0], device=inputs.device).repeat_interleave(layer.hidden_size)
    weights = [torch.cat((weight_ih, hold[:, None]), dim=1), weight_hh, bias_ih, bias_hh]
    hidden, cell = (part[order] for part in state)
    first_hidden, outputs, cells = hidden, [], []
    bounds = sorted({0, ends[0], ends[len(ends) // 2]}) if ends else [0]  # up to the median, and after it
    for begin, end in pairwise(bounds):
        num_rows = sum(length > begin for length in ends)
        cells.append(cell[num_rows:])
        last = (hidden[None, :num_rows].contiguous(), cell[None, :num_rows].contiguous())
        part = inputs[:num_rows, begin:end].contiguous()
        block, last_hidden, last_cell = torch.lstm(
            part, last, weights, True, 1, 0.0, layer.training, False, True
        )
        outputs.append(F.pad(block, (0, 0, 0, 0, 0, len(ends) - num_rows)))
        hidden, cell = last_hidden[0], last_cell[0]
    back = order.argsort()
    if not outputs:
        return inputs.new_zeros(len(ends), inputs.shape[1], layer.hidden_size), state
    joined = torch.cat(outputs, dim=1)
    final = joined[torch.arange(len(ends)), (lengths[order] - 1).clamp(min=0)]
    final = torch.where(lengths[order, None] > 0, final, first_hidden.to(final.dtype))
    final_cell = torch.cat([cell, *reversed(cells)])
    return joined.index_select(0, back), (final[back], final_cell[back])
