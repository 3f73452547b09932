"""The LSTM: tied weights, open forget gates."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from textgen.runtime.device import seeded
from textgen_models.recurrent import LSTM


def lstm(**options: Any) -> LSTM:
    with seeded(0, torch.device("cpu")):
        return LSTM(100, **{"num_layers": 2, "hidden_size": 16} | options).eval()


def test_weights_are_tied_when_sizes_match() -> None:
    def size(model: nn.Module) -> int:
        return sum(parameter.numel() for parameter in model.parameters())

    tied = lstm()
    assert size(lstm(tie_weights=False)) - size(tied) == 100 * 16
    assert size(lstm(embedding_size=8)) == size(lstm(embedding_size=8, tie_weights=False))
    with torch.no_grad():
        tied.input.weight[3] = 50.0
        logits, _ = tied(torch.tensor([[5]]), tied.initial_state(1))
    assert logits[0, 0].abs().argmax() == 3  # the changed row of the input is an output too


def test_forget_gates_start_open_and_the_other_gates_without_bias() -> None:
    for layer in lstm().layers:
        assert (layer.bias_ih_l0 + layer.bias_hh_l0).tolist() == [0] * 16 + [1] * 16 + [0] * 32
