"""Weights in 8 bits: linear layers packed once for generation, and recurrent networks for a page.

Of a packed layer, `prepare_input` converts features [batch, in] to the layer's own type; calling the layer
with the result returns features · weightᵀ + bias, [batch, out] in fp32. In bf16 and int8 a row's result does
not depend on its batch; in fp32 torch rounds a row that is alone differently from the same row among others.
"""

from __future__ import annotations

import base64
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from textgen.runtime.device import fastest_times

LARGEST = 127
"""The largest number of 8 bits that is used."""


class FloatLinear:
    """A linear layer that computes in `dtype`."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._weight, self._bias = weight.detach().t().to(dtype).contiguous(), bias.detach().float()
        self._dtype = dtype

    def prepare_input(self, features: Tensor) -> Tensor:
        return features.to(self._dtype)

    def __call__(self, inputs: Tensor) -> Tensor:
        return (inputs @ self._weight).float().add_(self._bias)


class Int8Linear:
    """A linear layer that computes an int8 matmul, for features in [-bound, bound].

    Features have one scale, weights one per output; sums are exact (Jacob et al. 2018, arXiv:1712.05877), and
    only they come from oneDNN: its kernels for few rows (VNNI) and for many (AMX) would add scales and bias
    with different rounding. Since it relies on torch's private operators, `int8_is_faster` tries them first.
    """

    ZERO = 128

    def __init__(self, weight: Tensor, bias: Tensor, bound: float) -> None:
        self._scale = bound / LARGEST
        integers, weight_scales = rounded(weight)
        self._weight = torch.ops.onednn.qlinear_prepack(integers, None)
        self._scales = self._scale * weight_scales
        self._ones, self._zeros = torch.ones(len(weight)), torch.zeros(len(weight), dtype=torch.long)
        self._bias = bias.detach().float()

    def prepare_input(self, features: Tensor) -> Tensor:
        # Half a unit is added since the conversion rounds down.
        return torch.add(self.ZERO + 0.5, features, alpha=1 / self._scale).to(torch.uint8)

    def __call__(self, inputs: Tensor) -> Tensor:
        sums: Tensor = torch.ops.onednn.qlinear_pointwise(
            *(inputs, 1.0, self.ZERO, self._weight, self._ones, self._zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        return sums.mul_(self._scales).add_(self._bias)


def pack_linear(weight: Tensor, bias: Tensor, dtype: torch.dtype, bound: float) -> FloatLinear | Int8Linear:
    """Return the layer for `weight` [out, in], `bias` [out] and features in [-bound, bound].

    It computes in `dtype`, but in int8 instead of bf16 on a CPU where that is faster, if the bound is finite.
    """
    if math.isfinite(bound) and dtype == torch.bfloat16 and weight.device.type == "cpu" and int8_is_faster():
        return Int8Linear(weight, bias, bound)
    return FloatLinear(weight, bias, dtype)


@functools.cache
def int8_is_faster() -> bool:
    """Return whether int8 matmuls are exact on this CPU, and faster than bf16 ones, by computing both."""
    weight, bias, features = torch.ones(1024, 512), torch.zeros(1024), torch.ones(64, 512)
    kinds: list[Callable[[], FloatLinear | Int8Linear]] = [
        lambda: Int8Linear(weight, bias, 1.0),
        lambda: FloatLinear(weight, bias, torch.bfloat16),
    ]
    try:
        layers = [kind() for kind in kinds]
        calls = [functools.partial(layer, layer.prepare_input(features)) for layer in layers]
        if not torch.allclose(calls[0](), calls[1](), rtol=0.01):
            return False  # without VNNI, sums of two products saturate at 16 bits
        int8, bf16 = fastest_times(calls)
    except (AttributeError, RuntimeError):  # torch without oneDNN, or with other operators
        return False
    return 1.2 * int8 < bf16


@dataclass(frozen=True, eq=False)
class PortableNetwork:
    """A stack of recurrent layers between an embedding and a linear output layer.

    Inputs are rows of `table`; the outputs of each layer are multiplied by `gain`, and the output layer reads
    those of the last one plus `lower_share` times those of the others. The gates are in torch's order.
    """

    cell: Literal["lstm", "gru"]
    table: Tensor
    """[vocab_size, embedding_size]"""
    layers: Sequence[nn.LSTM | nn.GRU]
    gain: float
    lower_share: float
    weight: Tensor
    """[vocab_size, hidden_size]"""
    bias: Tensor
    """[vocab_size]"""

    @property
    def num_bytes(self) -> int:
        """Size of the matrices in 8 bits."""
        weights = [each for layer in self.layers for each in layer.parameters() if each.ndim == 2]
        return sum(each.numel() for each in (self.table, self.weight, *weights))

    def values(self) -> dict[str, Any]:
        layers = [
            {
                "input": _matrix(named["weight_ih_l0"]),
                "hidden": _matrix(named["weight_hh_l0"]),
                "input_bias": _floats(named["bias_ih_l0"]),
                "hidden_bias": _floats(named["bias_hh_l0"]),
            }
            for named in (dict(layer.named_parameters()) for layer in self.layers)
        ]
        return {
            "cell": self.cell,
            "gain": self.gain,
            "lower_share": self.lower_share,
            "table": _matrix(self.table),
            "layers": layers,
            "weight": _matrix(self.weight),
            "bias": _floats(self.bias),
        }


def rounded(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix in 8-bit integers, and the scale of each row: `matrix ≈ integers * scales[:, None]`."""
    matrix = matrix.detach().float().cpu()
    scales = matrix.abs().amax(1).clamp(min=1e-12) / LARGEST
    return (matrix / scales[:, None]).round().to(torch.int8), scales


def _matrix(matrix: Tensor) -> dict[str, Any]:
    integers, scales = rounded(matrix)
    data = base64.b64encode(integers.numpy().tobytes()).decode("ascii")
    return {"rows": len(integers), "data": data, "scales": _floats(scales)}


def _floats(vector: Tensor) -> str:
    values = vector.detach().float().cpu().numpy().astype("<f4")
    return base64.b64encode(values.tobytes()).decode("ascii")
