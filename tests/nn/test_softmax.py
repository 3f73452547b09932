"""Output and packed layers against their plain forms: the same losses, gradients, distributions, products."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.nn import layers as output_layer
from textgen.nn import quantized
from textgen.nn.layers import AdaptiveSoftmax, FullSoftmax, TokenEmbedding, linear_cross_entropy
from textgen.nn.quantized import FloatLinear, Int8Linear, pack_linear
from textgen.runtime.environment import processor_features
from textgen_models.recurrent import LSTM


def random_problem(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(57, 8, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(101, 8, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    bias = torch.randn(101, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    return features, weight, bias, torch.randint(101, (57,), generator=generator)


@pytest.mark.parametrize("rows_at_a_time", [1, 10, 57, 1000])
def test_chunked_cross_entropy_equals_the_plain_form(
    rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layer, "CHUNK_LOGITS", rows_at_a_time * 101)
    features, weight, bias, targets = random_problem(torch.float64)
    ours = linear_cross_entropy(features, weight, bias, targets)
    plain = F.cross_entropy(F.linear(features, weight, bias), targets)
    torch.testing.assert_close(ours, plain)
    variables = (features, weight, bias)
    for gradient, expected in zip(
        torch.autograd.grad(3 * ours, variables), torch.autograd.grad(3 * plain, variables), strict=True
    ):
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    ("cutoffs", "size", "num_rows"),
    [
        ([10], None, 11),
        ([10, 50], None, 12),
        ([10, 50], 16, 2),  # tied: the rows of the clusters alone
        ([10, 50], 6, 12),  # tied to a table of another size: all that the head predicts
    ],
)
def test_adaptive_softmax_is_a_distribution_and_its_loss_that_of_its_logits(
    cutoffs: list[int], size: int | None, num_rows: int
) -> None:
    torch.manual_seed(0)
    table = TokenEmbedding(101, size) if size else None
    layer = AdaptiveSoftmax(16, 101, cutoffs, table)
    features, targets = torch.randn(2, 30, 16), torch.randint(101, (2, 30))
    logits = layer(features)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 30))
    plain = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(layer.loss(features, targets), plain)
    weights = list((table or layer).parameters())
    ours = torch.autograd.grad(layer.loss(features, targets), weights)
    expected = torch.autograd.grad(plain, weights)
    for gradient, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-6)
    assert len(layer.head.weight) == num_rows


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
@pytest.mark.parametrize("embedding_size", [0, 5])
def test_generation_step_equals_forward(
    softmax: str, embedding_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = LSTM(50, hidden_size=8, embedding_size=embedding_size, softmax=softmax).eval()  # type: ignore
    nn.init.normal_(model.layers[1].bias_hh_l0)
    ids = torch.randint(50, (3, 7))
    for largest_table in (0, 2**24):  # the first layer's share of the gates computed, and looked up
        monkeypatch.setattr("textgen_models.recurrent.MAX_TABLE", largest_table)
        with torch.inference_mode():
            step = model.prepare_step(torch.float32)
            _, state = model(ids[:, :2], model.initial_state(3))
            logits, _ = model(ids, model.initial_state(3))
            for position in range(2, 7):
                stepped, state = step(ids[:, position], state)
                torch.testing.assert_close(
                    stepped.log_softmax(-1), logits[:, position].log_softmax(-1), rtol=1e-4, atol=1e-5
                )


@pytest.mark.parametrize("layer", [FullSoftmax(8, 30), AdaptiveSoftmax(8, 30, [10, 20])])
def test_an_output_layer_can_start_from_the_frequencies_of_tokens(
    layer: FullSoftmax | AdaptiveSoftmax,
) -> None:
    counts = torch.arange(30.0).flip(0) ** 2
    layer.start_from(counts)
    found = layer(torch.zeros(1, 8)).softmax(-1)[0]
    assert torch.allclose(found, counts / counts.sum(), atol=1e-3)
    assert found.min() > 0


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
