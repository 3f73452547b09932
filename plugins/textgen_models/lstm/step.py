"""Generation step of the LSTM: everything that is the same for all tokens is computed in advance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.nn.quantized_linear import pack_linear

MAX_TABLE = 2**24
"""Maximum size of the table of what the first layer's input adds to the gates, for every token."""

LayerStates = list[tuple[Tensor, Tensor]]
"""Half the hidden state, as the input of `pack_linear`, and twice the cell state in fp32, for each layer."""


class LSTMStep:
    """Ids [batch] and a state to logits [batch, vocab_size] and the next state.

    Each layer takes one matmul: the weights of input and hidden state are concatenated, the two biases are
    summed, and the gain of a layer's output is folded into the next layer's weights. The first layer looks
    up what its input adds to the gates in a table of all tokens. Matmuls are computed in `dtype` (see
    `textgen.nn.quantized_linear`), the rest in fp32.

    A CPU computes a sigmoid several times faster than a tanh, so every tanh is written as one. An LSTM
    computes, from the gates a (of input i, forget f, cell g and output o),

        c' = σ(a_f) c + σ(a_i) tanh(a_g)        h' = σ(a_o) tanh(c').

    With tanh x = 2 (σ(2x) - ½), and with C = 2c and H = h/2 as the state, this becomes

        C' = σ(a_f) C + 4 σ(a_i) (σ(2 a_g) - ½)        H' = σ(a_o) (σ(C') - ½).

    The weights and the bias of a_g are doubled in advance (`_for_sigmoid`), and all weights of a hidden state
    are doubled since they multiply H. So one sigmoid serves all four gates, and H, which lies within ±½,
    can be quantized.
    """

    def __init__(
        self,
        table: Tensor,
        layers: Sequence[nn.LSTM],
        output: Callable[[Tensor], Tensor],
        gain: float,
        dtype: torch.dtype,
    ) -> None:
        self._output, self._gain = output, gain
        sources = [tuple(parameter.detach() for parameter in layer.parameters()) for layer in layers]
        self._inputs = _first_inputs(table.detach(), _for_sigmoid(sources[0][0]), dtype)
        self._products = []
        for index, (weight_ih, weight_hh, bias_ih, bias_hh) in enumerate(sources):
            weights = [2 * gain * _for_sigmoid(weight_ih)] if index else []
            weights.append(2 * _for_sigmoid(weight_hh))
            bias = _for_sigmoid(bias_ih + bias_hh)
            self._products.append(pack_linear(torch.cat(weights, dim=1), bias, dtype, bound=0.5))

    def __call__(self, ids: Tensor, state: LayerStates | tuple[Tensor, Tensor]) -> tuple[Tensor, LayerStates]:
        """Advance by one token. The first state may be the model's, later ones are the step's own."""
        states = state if isinstance(state, list) else self._by_layer(*state)
        result: LayerStates = []
        for product, (last_hidden, last_cell) in zip(self._products, states, strict=True):
            if result:
                gates = product(torch.cat((result[-1][0], last_hidden), dim=1))
            else:
                gates = product(last_hidden).add_(self._inputs(ids))
            hidden, cell = advance(gates, last_cell)
            result.append((product.prepare_input(hidden), cell))
        return self._output(hidden * (2 * self._gain)), result

    def _by_layer(self, hidden: Tensor, cell: Tensor) -> LayerStates:
        return [
            (product.prepare_input(hidden[:, index] / 2), 2 * cell[:, index])
            for index, product in enumerate(self._products)
        ]


def advance(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return half the hidden state and twice the cell state (see `LSTMStep`).

    `gates` [batch, 4 · hidden_size] are those of input, forget, cell (doubled) and output; `cell`
    [batch, hidden_size] is twice the last cell state.
    """
    opened, forgets, written, shown = gates.sigmoid_().chunk(4, dim=1)
    cell = forgets * cell
    cell.addcmul_(opened, written.sub_(0.5), value=4)
    return cell.sigmoid().sub_(0.5).mul_(shown), cell


def _for_sigmoid(gates: Tensor) -> Tensor:
    """Return weights or biases of the gates [4 · hidden_size, ...] with those of the cell gate doubled."""
    scales = gates.new_ones(4, *[1] * gates.ndim)
    scales[2] = 2
    return (gates.view(4, -1, *gates.shape[1:]) * scales).view_as(gates)


def _first_inputs(table: Tensor, weight: Tensor, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return the function from ids [batch] to table[ids] · weightᵀ in fp32, tabulated if that is small."""
    if len(table) * len(weight) <= MAX_TABLE:
        products = table @ weight.t()
        return lambda ids: F.embedding(ids, products)
    layer = pack_linear(weight, weight.new_zeros(len(weight)), dtype, bound=math.inf)
    vectors = layer.prepare_input(table)
    return lambda ids: layer(F.embedding(ids, vectors))
