"""Packed layers give the product; a row's result is the same whatever else is in the batch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from textgen.nn import quantized
from textgen.nn.quantized import FloatLinear, Int8Linear, pack_linear
from textgen.runtime.environment import processor_features


def has_int8() -> bool:
    """Return whether int8 can be computed exactly here, which takes an instruction for sums (VNNI)."""
    features = processor_features()
    if "avx" in features and "vnni" not in features:
        return False
    try:
        Int8Linear(torch.ones(8, 8), torch.zeros(8), 1.0)
    except (AttributeError, RuntimeError):
        return False
    return True


INT8 = pytest.param("int8", marks=pytest.mark.skipif(not has_int8(), reason="no oneDNN, or no VNNI"))
KINDS = ["fp32", "bf16", INT8]


def layer(kind: str, weight: torch.Tensor, bias: torch.Tensor, bound: float) -> FloatLinear | Int8Linear:
    if kind == "chosen":
        return pack_linear(weight, bias, torch.bfloat16, bound)
    if kind == "int8":
        return Int8Linear(weight, bias, bound)
    return FloatLinear(weight, bias, torch.float32 if kind == "fp32" else torch.bfloat16)


@pytest.mark.parametrize("kind", [*KINDS, "chosen"])
@pytest.mark.parametrize("bound", [0.5, 3.0])
def test_the_product_is_that_of_a_linear_layer(kind: str, bound: float) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(40, 256), torch.randn(40)
    features = (2 * torch.rand(5, 256) - 1) * bound
    features[0, :2] = torch.tensor([-bound, bound])
    packed_layer = layer(kind, weight, bias, bound)
    expected = F.linear(features, weight, bias)
    error = (packed_layer(packed_layer.prepare_input(features)) - expected).abs().max() / expected.std()
    assert error < {"fp32": 1e-5, "bf16": 0.03, "int8": 0.06, "chosen": 0.06}[kind]


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("shape", [(64, 96), (128, 64), (65, 256), (2000, 256)])
def test_a_row_does_not_depend_on_its_batch(kind: str, shape: tuple[int, int]) -> None:
    # Which kernel a CPU with AMX takes depends on the shape and on the number of rows.
    torch.manual_seed(0)
    packed_layer = layer(kind, torch.randn(shape), torch.randn(shape[0]), 1.0)
    inputs = packed_layer.prepare_input(2 * torch.rand(33, shape[1]) - 1)
    together = packed_layer(inputs)
    for size in (1, 2, 3, 7, 16, 32):
        assert torch.equal(packed_layer(inputs[:size]), together[:size])


def test_int8_replaces_bf16_only_where_it_is_faster_and_features_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weight, bias = torch.ones(4, 4), torch.zeros(4)
    for is_faster, dtype, bound in (
        (False, torch.bfloat16, 1.0),
        (True, torch.float32, 1.0),
        (True, torch.bfloat16, float("inf")),
    ):
        monkeypatch.setattr(quantized, "int8_is_faster", lambda is_faster=is_faster: is_faster)
        assert isinstance(pack_linear(weight, bias, dtype, bound), FloatLinear)
    if has_int8():
        assert isinstance(pack_linear(weight, bias, torch.bfloat16, 1.0), Int8Linear)
