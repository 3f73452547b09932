"""Recurrent networks as values that a page can compute with, in 8-bit integers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

LARGEST = 127


@dataclass(frozen=True, eq=False)
class PortableNetwork:
    """A stack of recurrent layers between an embedding and a linear output layer.

    Inputs are rows of `table`; the outputs of each layer are multiplied by `gain`. The gates are in torch's
    order.
    """

    cell: Literal["lstm", "gru"]
    table: Tensor
    """[vocab_size, embedding_size]"""
    layers: Sequence[nn.LSTM | nn.GRU]
    gain: float
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
        """Return it as JSON values."""
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
