"""The models `lstm` and `gru`: stacks of recurrent layers, their scales, and a generation step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import (
    DropoutProbability,
    EmbeddingSize,
    FeatureModel,
    FullSoftmax,
    HiddenSize,
    NumLayers,
    Softmax,
    TieWeights,
    TokenEmbedding,
    automatic_dropout,
    output_layer,
)
from textgen.nn.quantized import PortableNetwork, pack_linear
from textgen_models.dropout import LockedDropout

OUTPUT_GAIN = 3.0
"""Factor of each layer's outputs. In a new LSTM layer they have a root mean square of 0.2 to 0.3; unscaled,
they would shrink from layer to layer, and deep stacks would stay at unigram level for thousands of
updates."""

NO_LOWER_LAYERS = 0.15
"""Automatic dropout from which on the output layer reads the last layer alone."""

LayerState = tuple[Tensor, Tensor]
"""Hidden and cell state of a layer, each [batch, hidden_size]."""


class RecurrentModel(FeatureModel):
    """Token embedding, `num_layers` layers of a class with dropout around them, and a linear output layer.

    The output layer reads the last layer and a share of the others, so that the gradient reaches every layer
    directly (Graves 2013, arXiv:1308.0850). Since such a network memorises a small text sooner, the share
    falls as the automatic dropout rises, whether or not that is used.
    """

    layer_class: ClassVar[type[nn.LSTM | nn.GRU]]
    lower_share: Tensor
    """[], the share of the outputs of the lower layers that the output layer reads."""

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
        self.register_buffer("lower_share", torch.ones(()))
        for layer in layers:
            initialise(layer)

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropout, unless it is given, and the share of the lower layers."""
        super().set_expected_epochs(num_epochs)
        strength = automatic_dropout(num_epochs, self.parameters_per_token)
        self.lower_share.fill_(max(0.0, 1 - strength / NO_LOWER_LAYERS))

    def shown(self, outputs: Sequence[Tensor]) -> Tensor:
        """Return the input of the output layer: the last output plus a share of the others, with dropout."""
        *lower, last = outputs
        read: Tensor = self.dropout(last + self.lower_share * reduce(torch.add, lower) if lower else last)
        return read

    def portable(self) -> PortableNetwork | None:
        """Return the network as a page can compute it; None with the adaptive softmax."""
        if not isinstance(self.output, FullSoftmax):
            return None
        return PortableNetwork(
            cell="lstm" if self.layer_class is nn.LSTM else "gru",
            table=self.input.table() * math.sqrt(self.input.size),
            layers=[layer for layer in self.layers if isinstance(layer, (nn.LSTM, nn.GRU))],
            gain=OUTPUT_GAIN,
            lower_share=float(self.lower_share),
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


LSTMState = tuple[Tensor, Tensor]
"""Hidden and cell states, each [batch, num_layers, hidden_size]."""


class LSTM(RecurrentModel):
    """Recurrent network (LSTM): it reads token by token and carries a memory of a fixed size.

    Token embedding, `num_layers` layers with dropout around them, and a linear output layer, as in the
    original text generator (Hochreiter and Schmidhuber 1997). The output weights are those of the embedding
    (Press and Wolf 2017) if `tie_weights` is set and both have the same size. Embedded tokens are scaled by
    the root of their size (Vaswani et al. 2017, section 3.4). The forget gates start open, with bias 1
    (Jozefowicz et al. 2015).
    """

    layer_class: ClassVar[type[nn.LSTM]] = nn.LSTM
    recommended_training: ClassVar[dict[str, Any]] = {"largest_step": 2.0}

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return zero hidden and cell states, each [batch, num_layers, hidden_size]."""
        zeros = self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)
        return zeros, zeros

    def features(self, ids: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        features = self.input(ids) * math.sqrt(self.input.size)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        results, last_hidden, last_cell = [], [], []
        for index, layer in enumerate(self.layers):
            outputs, (h, c) = layer(self.dropout(features), (hidden[index, None], cell[index, None]))
            features = OUTPUT_GAIN * outputs
            results.append(features)
            last_hidden.append(h[0])
            last_cell.append(c[0])
        return self.shown(results), (torch.stack(last_hidden, 1), torch.stack(last_cell, 1))

    def prepare_step(self, dtype: torch.dtype) -> LSTMStep:
        table = self.input.table() * math.sqrt(self.input.size)
        layers = [layer for layer in self.layers if isinstance(layer, nn.LSTM)]
        share = float(self.lower_share)
        output = self.output.for_generation(dtype, bound=OUTPUT_GAIN * (1 + share * (len(layers) - 1)))
        return LSTMStep(table, layers, output, OUTPUT_GAIN, dtype, lower_share=share)


class GRU(RecurrentModel):
    """Recurrent network (GRU): it reads token by token and carries a memory of a fixed size.

    A gated recurrent unit (Cho et al. 2014, arXiv:1406.1078) has three gates to the LSTM's four. Everything
    but the cell is as in the model `lstm`: tied weights, scales, the adaptive softmax for large vocabularies.
    The update gates start with bias 1, so that a new unit remembers.
    """

    layer_class: ClassVar[type[nn.GRU]] = nn.GRU

    def initial_state(self, batch_size: int) -> Tensor:
        """Return zero hidden states, [batch, num_layers, hidden_size]."""
        return self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)

    def features(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        features = self.input(ids) * math.sqrt(self.input.size)
        results, last = [], []
        for layer, hidden in zip(self.layers, state.transpose(0, 1).contiguous(), strict=True):
            outputs, end = layer(self.dropout(features), hidden[None])
            features = OUTPUT_GAIN * outputs
            results.append(features)
            last.append(end[0])
        return self.shown(results), torch.stack(last, dim=1)


MAX_TABLE = 2**24
"""Maximum size of the table of what the first layer's input adds to the gates, for every token."""

LayerStates = list[tuple[Tensor, Tensor]]
"""Half the hidden state, as the input of `pack_linear`, and twice the cell state in fp32, for each layer."""


class LSTMStep:
    """Ids [batch] and a state to logits [batch, vocab_size] and the next state.

    Each layer takes one matmul: the weights of input and hidden state are concatenated, the two biases are
    summed, and the gain of a layer's output is folded into the next layer's weights. The first layer looks
    up what its input adds to the gates in a table of all tokens. Matmuls are computed in `dtype` (see
    `textgen.nn.quantized`), the rest in fp32.

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
        *,
        lower_share: float,
    ) -> None:
        self._output, self._gain, self._lower_share = output, gain, lower_share
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
        hiddens: list[Tensor] = []
        for product, (last_hidden, last_cell) in zip(self._products, states, strict=True):
            if result:
                gates = product(torch.cat((result[-1][0], last_hidden), dim=1))
            else:
                gates = product(last_hidden).add_(self._inputs(ids))
            hidden, cell = advance(gates, last_cell)
            hiddens.append(hidden)
            result.append((product.prepare_input(hidden), cell))
        *lower, shown = hiddens
        if lower:
            shown = torch.add(shown, reduce(torch.add, lower), alpha=self._lower_share)
        return self._output(shown * (2 * self._gain)), result

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
