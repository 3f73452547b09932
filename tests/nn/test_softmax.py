"""The output layers against their plain forms: same losses, same gradients, proper distributions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.nn import layers as output_layer
from textgen.nn.layers import AdaptiveSoftmax, FullSoftmax, TokenEmbedding, linear_cross_entropy
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
