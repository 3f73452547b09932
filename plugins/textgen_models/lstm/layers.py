"""LSTM layers: their initial weights, and one over sequences of different lengths."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OUTPUT_GAIN = 3.0
"""Factor of each layer's outputs. In a new LSTM layer they have a root mean square of 0.2 to 0.3; unscaled,
they would shrink from layer to layer, and deep stacks would stay at unigram level for thousands of
updates."""

SHUT = 40.0
"""An input to a gate that opens it completely, or with a minus sign shuts it, in every precision."""


LayerState = tuple[Tensor, Tensor]
"""Hidden and cell state of a layer, each [batch, hidden_size]."""


def initialise(layer: nn.LSTM) -> None:
    """Set the initial weights of a layer, with open forget gates."""
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):  # gates: input, forget, cell, output
                nn.init.ones_(parameter[layer.hidden_size : 2 * layer.hidden_size])
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)


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
    for begin, end in pairwise(_bounds(ends)):
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


def _bounds(ends: list[int]) -> list[int]:
    """Return where blocks of time begin and end, for lengths in falling order: at their median."""
    return sorted({0, ends[0], ends[len(ends) // 2]}) if ends else [0]
