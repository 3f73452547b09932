"""Pilot of the model `scan`: a recurrent network without a recurrent matrix (SRU, Lei et al. 2018).

A layer takes one matmul for all time steps; what remains of the recurrence is elementwise and is computed by
two kernels of numba, one for each direction. On other devices than the CPU, torch computes it step by step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors
from textgen.nn.layers import (
    DropoutProbability,
    EmbeddingSize,
    FeatureModel,
    HiddenSize,
    NumLayers,
    Softmax,
    TieWeights,
    TokenEmbedding,
    automatic_dropout,
    output_layer,
)
from textgen_models.dropout import LockedDropout
from textgen_models.recurrent import NO_LOWER_LAYERS, held_after_each

GAIN = 1.5
"""Factor of the cells in a layer's output. Averaging leaves of an input with a root mean square of 1 a cell of
0.45 in the first layer, and of more in later ones, whose inputs change more slowly; with this gain the output
of each of the first 4 layers has one of 1. With 3 it would double from layer to layer."""

FORGET_BIAS = (1.0, 2.0)
"""Range of the initial biases of the forget gates, evenly spread over the units of a layer."""

RESET_BIAS = 0.0
"""Initial bias of the reset gates, which choose between the cell and the input."""

GATE_STD = 0.5**0.5
"""Standard deviation of what an input with a root mean square of 1 adds to a gate (as in Lei et al.'s code)."""

PEEPHOLE_STD = 0.5**0.5
"""Standard deviation of the initial weights of cells in the gates (as in Lei et al.'s code)."""


# --- Elementwise functions, of which numba's inner loops consist -------------------------------------------

_LOG2E = np.float32(1.4426950408889634)
_ONE = np.float32(1.0)
_LIMIT = np.float32(126.0)
_SHIFT = np.float32(127.5)
_BIAS = np.int32(127)
# 2^x for x in [-0.5, 0.5], fitted at Chebyshev nodes; relative error below 1e-7
_NODES = 0.5 * np.cos(np.pi * (np.arange(64) + 0.5) / 64)
_C5, _C4, _C3, _C2, _C1, _C0 = (
    np.float32(c) for c in np.polyfit(_NODES, 2.0**_NODES, 5, w=2.0**-_NODES)
)


@njit(fastmath=True, inline="always")
def _sigmoid(x):
    """1 / (1 + exp(-x)), in operations that LLVM vectorises (numba's exp is a scalar call without SVML)."""
    power = min(max(-x * _LOG2E, -_LIMIT), _LIMIT)
    whole = np.int32(np.int32(power + _SHIFT) - _BIAS)  # truncated a positive value: rounded to the nearest
    part = power - np.float32(whole)
    fraction = ((((_C5 * part + _C4) * part + _C3) * part + _C2) * part + _C1) * part + _C0
    scale = np.int32(np.int32(whole + _BIAS) << np.int32(23)).view(np.float32)
    return _ONE / (_ONE + scale * fraction)


@njit(fastmath=True, inline="always")
def _tanh(x):
    return _sigmoid(x + x) * np.float32(2) - _ONE


@intrinsic
def _narrow(context, value):
    """Return the bits of the bfloat16 that is nearest to a float32 (ties to even), as uint16."""

    def generate(context, builder, signature, arguments):
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        is_odd = builder.and_(builder.lshr(bits, word(16)), word(1))
        rounded = builder.add(bits, builder.add(is_odd, word(0x7FFF)))
        return builder.trunc(builder.lshr(rounded, word(16)), ir.IntType(16))

    return types.uint16(types.float32), generate


def _load(values, index):
    """Return an element of a float32 array, or of a bfloat16 one that numba sees as uint16, as float32."""
    raise NotImplementedError


@overload(_load, inline="always")
def _load_overload(values, index):
    if isinstance(values.dtype, types.Float):
        return lambda values, index: values[index]
    return lambda values, index: np.uint32(np.uint32(values[index]) << np.uint32(16)).view(np.float32)


def _store(values, index, value):
    """Set an element of such an array, rounding to the nearest."""
    raise NotImplementedError


@overload(_store, inline="always")
def _store_overload(values, index, value):
    if isinstance(values.dtype, types.Float):

        def store(values, index, value):
            values[index] = value
    else:

        def store(values, index, value):
            values[index] = _narrow(value)

    return store


# --- Kernels ------------------------------------------------------------------------------------------------
# Each loop over units touches few arrays: LLVM vectorises only what takes at most 8 comparisons of pointers.
# A row of units stays in the first-level cache from loop to loop.


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _forward(inputs, outer, weights, biases, cells, gates, outputs, squash, gain, alpha):
    """Fill `cells[:, 1:]`, `gates` and `outputs`.

    inputs [batch, time, 3 or 4, size]: written value, forget gate, reset gate and, with 4, highway
    outer [batch, time, size]: highway, unless among the inputs
    weights, biases [2, size]: of the forget and of the reset gate; weights are those of the last cell
    cells [batch, time + 1, size], gates [batch, time, 2, size], outputs [batch, time, size]
    """
    batch, time, count, size = inputs.shape
    for b in range(batch):
        for t in range(time):
            last, cell = cells[b, t], cells[b, t + 1]
            for gate in range(2):
                incoming, weight, bias, opened = inputs[b, t, gate + 1], weights[gate], biases[gate], gates[b, t, gate]
                for i in range(size):
                    opened[i] = _sigmoid(_load(incoming, i) + weight[i] * last[i] + bias[i])
            written, forget = inputs[b, t, 0], gates[b, t, 0]
            for i in range(size):
                value = _load(written, i)
                cell[i] = value + forget[i] * (last[i] - value)
            reset, shown = gates[b, t, 1], outputs[b, t]
            highway = inputs[b, t, 3] if count == 4 else outer[b, t]
            if squash:
                for i in range(size):
                    through = alpha * _load(highway, i)
                    _store(shown, i, through + reset[i] * (gain * _tanh(cell[i]) - through))
            else:
                for i in range(size):
                    through = alpha * _load(highway, i)
                    _store(shown, i, through + reset[i] * (gain * cell[i] - through))


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _backward(
    d_outputs, inputs, outer, weights, cells, gates, d_cell, d_inputs, d_outer, d_weights, d_biases, squash, gain, alpha
):
    """Fill `d_inputs` and `d_outer`, add to `d_weights` and `d_biases`, and take `d_cell` to the first cell."""
    batch, time, count, size = inputs.shape
    d_gate, squashed = np.empty(size, np.float32), np.empty(size, np.float32)
    for b in range(batch):
        carried = d_cell[b]
        for k in range(time):
            t = time - 1 - k
            last, cell, shown = cells[b, t], cells[b, t + 1], d_outputs[b, t]
            forget, reset = gates[b, t, 0], gates[b, t, 1]
            if count == 4:
                highway, d_highway = inputs[b, t, 3], d_inputs[b, t, 3]
            else:
                highway, d_highway = outer[b, t], d_outer[b, t]
            for i in range(size):
                _store(d_highway, i, _load(shown, i) * (_ONE - reset[i]) * alpha)
            if squash:
                for i in range(size):
                    value = _tanh(cell[i])
                    squashed[i] = value
                    carried[i] += _load(shown, i) * reset[i] * gain * (_ONE - value * value)
                for i in range(size):
                    change = gain * squashed[i] - alpha * _load(highway, i)
                    d_gate[i] = _load(shown, i) * change * reset[i] * (_ONE - reset[i])
            else:
                for i in range(size):
                    carried[i] += _load(shown, i) * reset[i] * gain
                for i in range(size):
                    change = gain * cell[i] - alpha * _load(highway, i)
                    d_gate[i] = _load(shown, i) * change * reset[i] * (_ONE - reset[i])
            d_incoming, d_weight, d_bias = d_inputs[b, t, 2], d_weights[1], d_biases[1]
            for i in range(size):
                _store(d_incoming, i, d_gate[i])
            for i in range(size):
                d_bias[i] += d_gate[i]
                d_weight[i] += d_gate[i] * last[i]
            d_written = d_inputs[b, t, 0]
            for i in range(size):
                _store(d_written, i, carried[i] * (_ONE - forget[i]))
            # The cell's derivative by the gate's input is f (1 - f) (last - written) = f (last - cell).
            weight = weights[1]
            for i in range(size):
                value = carried[i]
                carried[i] = value * forget[i] + weight[i] * d_gate[i]
                d_gate[i] = value * forget[i] * (last[i] - cell[i])
            d_incoming, d_weight, d_bias = d_inputs[b, t, 1], d_weights[0], d_biases[0]
            for i in range(size):
                _store(d_incoming, i, d_gate[i])
            for i in range(size):
                d_bias[i] += d_gate[i]
                d_weight[i] += d_gate[i] * last[i]
            weight = weights[0]
            for i in range(size):
                carried[i] += weight[i] * d_gate[i]


def _array(tensor: Tensor) -> Any:
    """Return a tensor's memory as an array: bfloat16 as uint16, float32 as it is."""
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        outer: Tensor | None,
        weights: Tensor,
        biases: Tensor,
        cell: Tensor,
        squash: bool,
        gain: float,
        alpha: float,
    ) -> tuple[Tensor, Tensor]:
        batch, time, _, size = inputs.shape
        inputs = inputs.contiguous()
        outer = inputs.new_empty(1, 1, 1) if (is_inner := outer is None) else outer.contiguous()
        cells = cell.new_empty(batch, time + 1, size, dtype=torch.float32)
        cells[:, 0] = cell
        gates = torch.empty(batch, time, 2, size)
        outputs = inputs.new_empty(batch, time, size)
        constants = bool(squash), np.float32(gain), np.float32(alpha)
        arrays = (_array(tensor) for tensor in (inputs, outer, weights, biases, cells, gates, outputs))
        _forward(*arrays, *constants)
        ctx.set_materialize_grads(False)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(inputs, outer, weights, cells, gates)
            ctx.constants, ctx.is_inner, ctx.cell_dtype = constants, is_inner, cell.dtype
        return outputs, cells[:, -1].to(cell.dtype, copy=True)

    @staticmethod
    def backward(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs, outer, weights, cells, gates = ctx.saved_tensors
        batch, time, _, size = inputs.shape
        d_outputs = inputs.new_zeros(batch, time, size) if d_outputs is None else d_outputs.contiguous()
        # a copy, since the kernel works on it
        d_cell = torch.zeros(batch, size) if d_last is None else d_last.float().contiguous().clone()
        d_inputs, d_outer = torch.empty_like(inputs), torch.empty_like(outer)
        d_weights, d_biases = torch.zeros_like(weights), torch.zeros_like(weights)
        tensors = (d_outputs, inputs, outer, weights, cells, gates, d_cell, d_inputs, d_outer, d_weights, d_biases)
        _backward(*map(_array, tensors), *ctx.constants)
        d_highway = None if ctx.is_inner else d_outer
        return d_inputs, d_highway, d_weights, d_biases, d_cell.to(ctx.cell_dtype), None, None, None


def reference(
    inputs: Tensor,
    outer: Tensor | None,
    weights: Tensor,
    biases: Tensor,
    cell: Tensor,
    squash: bool,
    gain: float,
    alpha: float,
) -> tuple[Tensor, Tensor]:
    """Return what `_Recurrence` does, computed by torch step by step."""
    outputs = []
    highway = inputs[:, :, 3] if outer is None else outer
    for t in range(inputs.shape[1]):
        forget = torch.sigmoid(inputs[:, t, 1].float() + weights[0] * cell + biases[0])
        reset = torch.sigmoid(inputs[:, t, 2].float() + weights[1] * cell + biases[1])
        cell = forget * cell + (1 - forget) * inputs[:, t, 0].float()
        shown = cell.tanh() if squash else cell
        outputs.append(reset * shown * gain + (1 - reset) * highway[:, t].float() * alpha)
    return torch.stack(outputs, 1).to(inputs.dtype), cell


class ScanLayer(nn.Module):
    """A layer of SRU. Its matrix has, on top of each other, the squares of the written value, the forget gate,
    the reset gate and, with `project` or if the sizes of input and output differ, the highway."""

    def __init__(self, input_size: int, size: int, *, project: bool, peephole: bool, squash: bool) -> None:
        super().__init__()
        self.size, self.squash = size, squash
        self.is_square = input_size == size and not project
        self.gain = GAIN
        self.alpha = math.sqrt(1 + 2 * math.exp(RESET_BIAS))
        num_blocks = 3 if self.is_square else 4
        weight = torch.randn(num_blocks * size, input_size) * input_size**-0.5
        weight[size : 3 * size] *= GATE_STD
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.cat((torch.linspace(*FORGET_BIAS, size), torch.full((size,), RESET_BIAS))))
        peepholes = torch.empty(2 * size).uniform_(-1, 1) * (3**0.5 * PEEPHOLE_STD)
        if peephole:
            self.peepholes = nn.Parameter(peepholes)
        else:
            self.register_buffer("peepholes", torch.zeros(2 * size), persistent=False)
        self.recurrence: Callable[..., tuple[Tensor, Tensor]] | None = None  # for tests

    def forward(self, features: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs [batch, time, size] and the last cell [batch, size]."""
        products = F.linear(features, self.weight)
        outer = features.to(products.dtype) if self.is_square else None
        compute = self.recurrence
        if compute is None:
            compute = _Recurrence.apply if features.device.type == "cpu" else reference
        return compute(
            products.unflatten(-1, (-1, self.size)),
            outer,
            self.peepholes.view(2, -1),
            self.bias.view(2, -1),
            cell,
            self.squash,
            self.gain,
            self.alpha,
        )


class Scan(FeatureModel):
    """Recurrent network without a recurrent matrix (SRU, Lei et al. 2018, arXiv:1709.02755).

    Token embedding, `num_layers` layers with dropout around them, and a linear output layer, as in `lstm`.
    With `project`, the first layer's highway has a matrix of its own: with tied weights, a copy of the
    embedded token would predict that token again, and a new model's loss would be 45 nats. `read_gain` is the
    factor of what the output layer reads; the outputs of the layers are alike, so their sum grows with depth.
    Without `squash`, the tanh of the cells, outputs may grow without bound at the learning rates of an LSTM.
    """

    layer_class: ClassVar[type[ScanLayer]] = ScanLayer
    lower_share: Tensor
    """[], the share of the outputs of the lower layers that the output layer reads."""

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 4,
        hidden_size: HiddenSize = 256,
        embedding_size: EmbeddingSize = 0,
        dropout: DropoutProbability = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        peephole: bool = True,
        squash: bool = True,
        project: bool = True,
        read_gain: float = 0.4,
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.num_layers, self.hidden_size, self.read_gain = num_layers, hidden_size, read_gain
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        sizes = [self.input.size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            self.layer_class(
                size, hidden_size, project=project and index == 0, peephole=peephole, squash=squash
            )
            for index, size in enumerate(sizes)
        )
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        self.register_buffer("lower_share", torch.ones(()))

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropout, unless it is given, and the share of the lower layers."""
        super().set_expected_epochs(num_epochs)
        strength = automatic_dropout(num_epochs, self.parameters_per_token)
        self.lower_share.fill_(max(0.0, 1 - strength / NO_LOWER_LAYERS))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return zero cells, [batch, num_layers, hidden_size]."""
        return self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)

    def held(self, state: Tensor) -> Tensor:
        """Return the cells between -1 and 1."""
        return state.tanh().flatten(1)

    def activations(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the units of all layers hold after each token, [batch, time, units]."""
        return held_after_each(self, ids, state)

    def outputs(self, features: Tensor, state: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the outputs of all layers for embedded tokens, and the next state."""
        results, last = [], []
        for layer, cell in zip(self.layers, state.unbind(1), strict=True):
            features, end = layer(self.dropout(features), cell)
            results.append(features)
            last.append(end)
        return results, torch.stack(last, 1)

    def features(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        results, following = self.outputs(self.input(ids) * math.sqrt(self.input.size), state)
        return self.shown(results), following

    def shown(self, outputs: Sequence[Tensor]) -> Tensor:
        """Return the input of the output layer: the last output plus a share of the others, with dropout."""
        *lower, last = outputs
        read: Tensor = last + self.lower_share * reduce(torch.add, lower) if lower else last
        return self.dropout(read if self.read_gain == 1 else read * self.read_gain)
