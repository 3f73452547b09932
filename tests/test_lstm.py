"""The LSTM: carried state, causality, tied weights, open forget gates."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textgen.device import seeded
from textgen_lstm.model import LSTM


def lstm(**options: Any) -> LSTM:
    with seeded(0, torch.device("cpu")):
        return LSTM(100, **{"num_layers": 2, "hidden_size": 16} | options).eval()


@pytest.fixture
def batch() -> Tensor:
    """Two rows of 30 token ids."""
    return torch.randint(100, (2, 30), generator=torch.Generator().manual_seed(0))


def test_the_features_of_an_lstm_carry_their_state(batch: Tensor) -> None:
    model = lstm()
    with torch.inference_mode():
        whole, end = model.features(batch, model.initial_state(2))
        first, middle = model.features(batch[:, :11], model.initial_state(2))
        second, last = model.features(batch[:, 11:], middle)
        alone, _ = model.features(batch[1:], model.initial_state(1))
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(last, end)
    torch.testing.assert_close(alone[0], whole[1])
    assert [part.shape for part in end] == [(2, 2, 16)] * 2  # batch, layers, size
    assert all(bool((part[:, 0] != part[:, 1]).any()) for part in end)


def test_a_model_does_not_see_the_token_it_predicts(batch: Tensor) -> None:
    model, changed = lstm(), batch.clone()
    changed[:, 12:] = 7
    with torch.inference_mode():
        one, other = (model(each, model.initial_state(2))[0] for each in (batch, changed))
    torch.testing.assert_close(one[:, :12], other[:, :12])
    assert not torch.allclose(one[:, 12:], other[:, 12:])


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
