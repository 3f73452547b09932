"""Models that compute on the CPU only: parts of them stay there, or let it wait for each token."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.models import Small
from textgen_kit import run_checks
from textgen_kit.pretend_card import CARD, pretend_card


class BufferLeftBehind(Small):
    """Its table of positions is an attribute, which `to` does not move."""

    found_by = "model-device"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.scale = torch.linspace(0.5, 1.0, vocab_size)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits * self.scale, following


class MaskOfTheCPU(Small):
    found_by = "model-device"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        mask = torch.ones(logits.shape[1], logits.shape[1]).tril()
        return torch.einsum("tu,buv->btv", mask / mask.sum(1, keepdim=True), logits), following


class StateOfTheCPU(Small):
    found_by = "model-device"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 1)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, _ = super().forward(ids, super().initial_state(len(ids)))
        return logits + state[:, :, None], state + torch.zeros_like(state)


class AsksForEachToken(Small):
    found_by = "model-device"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        known = torch.stack([logits[:, place] * float(place < 10**6) for place in range(ids.shape[1])], 1)
        for place in range(ids.shape[1]):
            if ids[0, place].item() < 0:
                raise ValueError("no such token")
        return known, following


class InDoublePrecision(Small):
    found_by = "model-device"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits.double().log_softmax(-1).float(), following


class RandomOfTheCPU(Small):
    """Its noise has a generator of its own, of the CPU."""

    found_by = "model-device"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        if self.training:
            logits = logits + 0.01 * torch.randn(logits.shape, generator=self.generator, device=logits.device)
        return logits, following


class BufferNotMoved(Small):
    """It registers a buffer, and keeps it where it is."""

    found_by = "model-device"

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.register_buffer("counts", torch.zeros(vocab_size))

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        counts = self._buffers.pop("counts")
        module = super()._apply(fn, recurse)
        self._buffers["counts"] = counts
        return module


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert "\n" not in failures[mutant.found_by]


def test_a_model_that_goes_where_it_is_moved_passes() -> None:
    results = {each.check: each.status for each in run_checks("model", Small)}
    assert results["model-device"] == "passed"


def test_tensors_of_a_pretended_card_are_kept_apart_and_compute_as_on_the_cpu() -> None:
    layer, ids = nn.Linear(3, 2), torch.eye(3)
    layer(ids).square().sum().backward()
    expected = layer.weight.grad.clone()
    layer.zero_grad()
    with pretend_card() as card:
        layer.to("cuda:0")
        assert {each.device for each in layer.parameters()} == {CARD}
        layer(ids.to(CARD)).square().sum().backward()
        assert layer.weight.grad.device == CARD
        with pytest.raises(RuntimeError, match="tensors on cuda:0 and on the CPU meet"):
            layer(ids)
        with pytest.raises(TypeError, match="can't convert cuda:0"):
            layer.weight.detach().numpy()
        assert not card.waits
        assert layer.weight.grad.cpu().device.type == "cpu"
        assert (layer.weight > 5).sum().item() == 0
        assert len(layer.weight[layer.weight > 5]) == 0
        assert sum(card.waits.values()) == 3
    assert torch.equal(layer.weight.grad, expected)


def test_a_graph_computes_again_from_what_its_tensors_hold() -> None:
    with pretend_card() as card:
        value = torch.ones(2, device=CARD)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            doubled = value * 2
            total = doubled.sum()
        value.fill_(5)
        graph.replay()
        assert doubled.tolist() == [10, 10]
        assert total.item() == 20
        captured = pytest.raises(RuntimeError, match="not permitted when stream is capturing")
        with captured, torch.cuda.graph(torch.cuda.CUDAGraph()):
            value.sum().item()
        assert sum(card.waits.values()) == 2
