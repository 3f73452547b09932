"""Linear layers with weights that do not change any more: packed once, for generation.

Each turns features [batch, in] into `inputs` of its own type by `prepare_input`, and these into
features · weightᵀ + bias, [batch, out] in fp32, when called. A row's result does not depend on the others.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from textgen.runtime.device import fastest_times


class FloatLinear:
    """The product in `dtype`."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        self._weight, self._bias = weight.detach().t().to(dtype).contiguous(), bias.detach().float()
        self._dtype = dtype

    def prepare_input(self, features: Tensor) -> Tensor:
        """Return the features as `__call__` takes them."""
        return features.to(self._dtype)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return inputs · weightᵀ + bias."""
        return (inputs @ self._weight).float().add_(self._bias)


class Int8Linear:
    """The product in 8-bit integers, of features in [-bound, bound].

    Features have one scale, weights one per output; sums are exact (Jacob et al. 2018, arXiv:1712.05877).
    """

    ZERO = 128

    def __init__(self, weight: Tensor, bias: Tensor, bound: float) -> None:
        weight = weight.detach().float()
        self._scale = bound / 127
        self._weight_scales = weight.abs().amax(dim=1).clamp(min=1e-12) / 127
        rounded = (weight / self._weight_scales[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._zeros = torch.zeros(len(weight), dtype=torch.long)
        self._bias = bias.detach().float()

    def prepare_input(self, features: Tensor) -> Tensor:
        """Return the features as `__call__` takes them."""
        # The half, since the conversion rounds down.
        return torch.add(self.ZERO + 0.5, features, alpha=1 / self._scale).to(torch.uint8)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return inputs · weightᵀ + bias."""
        result: Tensor = torch.ops.onednn.qlinear_pointwise(
            inputs,
            self._scale,
            self.ZERO,
            self._weight,
            self._weight_scales,
            self._zeros,
            self._bias,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return result


def pack_linear(weight: Tensor, bias: Tensor, dtype: torch.dtype, bound: float) -> FloatLinear | Int8Linear:
    """Return the layer for `weight` [out, in], `bias` [out] and features in [-bound, bound].

    It computes in `dtype`; in place of bf16 in 8-bit integers, where a CPU is faster at them and the
    bound is finite.
    """
    if math.isfinite(bound) and dtype == torch.bfloat16 and weight.device.type == "cpu" and int8_is_faster():
        return Int8Linear(weight, bias, bound)
    return FloatLinear(weight, bias, dtype)


@functools.cache
def int8_is_faster() -> bool:
    """Return whether this CPU has fast products of 8-bit integers, by trying."""
    weight, bias, features = torch.ones(1024, 512), torch.zeros(1024), torch.ones(64, 512)
    kinds: list[Callable[[], FloatLinear | Int8Linear]] = [
        lambda: Int8Linear(weight, bias, 1.0),
        lambda: FloatLinear(weight, bias, torch.bfloat16),
    ]
    try:
        works = [
            functools.partial(layer, layer.prepare_input(features)) for layer in (kind() for kind in kinds)
        ]
        int8, bf16 = fastest_times(works)
    except (AttributeError, RuntimeError):  # a build of torch without oneDNN, or another version of it
        return False
    return 1.2 * int8 < bf16
