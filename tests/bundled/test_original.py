"""The original network: its windows and cells, and the weights and training of Keras."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.experiment.entry_parser import parse_entry
from textgen.runtime.device import seeded
from textgen.training.schedule import Schedule
from textgen_models.original import LSTMLayer, Original

CPU = torch.device("cpu")
VOCAB_SIZE, WINDOW = 7, 6


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def seed(**options: Any) -> Original:
    """A small network whose weights are so large that its gates reach their bounds."""
    with seeded(0, CPU):
        model = Original(VOCAB_SIZE, **{"window": WINDOW, "hidden_size": 5, "num_layers": 2} | options).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter))
    return model


def plain_logits(model: Original, ids: list[int]) -> NDArray[np.float64]:
    """The logits after `ids`, one window step by step, as the formulas of an LSTM are written."""
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    padded = ([0.0] * WINDOW + [token / VOCAB_SIZE for token in ids])[-WINDOW:]
    steps = [np.array([number]) for number in padded]
    for layer in (0, 2):
        kernel, recurrent, bias = (
            weights[f"layers.{layer}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih")
        )
        hidden = cell = np.zeros(5)
        outputs = []
        for step in steps:
            gates = (kernel @ step + recurrent @ hidden + bias).reshape(4, 5)
            write, forget, _, show = map(sigmoid, gates)
            cell = forget * cell + write * np.tanh(gates[2])
            hidden = show * np.tanh(cell)
            outputs.append(hidden)
        steps = outputs
    logits: NDArray[np.float64] = weights["output.weight"] @ steps[-1] + weights["output.bias"]
    return logits


def some_ids(num_rows: int, num_columns: int) -> Tensor:
    return torch.randint(VOCAB_SIZE, (num_rows, num_columns), generator=torch.Generator().manual_seed(0))


def test_every_position_is_predicted_from_its_own_window() -> None:
    model, ids = seed(), some_ids(2, 15)
    with torch.inference_mode():
        logits, _ = model(ids, model.initial_state(2))
    for row, tokens in enumerate(ids.tolist()):
        for end in range(1, 16):  # up to the sixth the window is not full
            expected = plain_logits(model, tokens[:end])
            np.testing.assert_allclose(logits[row, end - 1].numpy(), expected, atol=1e-5)


def test_weights_start_as_those_of_keras() -> None:
    with seeded(0, CPU):
        model = Original(32)
    for index, layer in enumerate(layer for layer in model.layers if isinstance(layer, LSTMLayer)):
        bound = math.sqrt(6 / ((256 if index else 1) + 1024))  # Glorot uniform
        assert 0.99 * bound < layer.weight_ih_l0.abs().max() <= bound
        torch.testing.assert_close(
            layer.weight_hh_l0.T @ layer.weight_hh_l0, torch.eye(256), atol=1e-4, rtol=0
        )
        assert layer.bias_ih_l0.tolist() == [0.0] * 256 + [1.0] * 256 + [0.0] * 512
        assert not layer.bias_hh_l0.any()
        assert not layer.bias_hh_l0.requires_grad
    bound = math.sqrt(6 / (256 + 32))
    assert 0.99 * bound < model.output.weight.abs().max() <= bound
    assert not model.output.bias.any()


def test_training_is_adam_at_a_constant_rate_on_128_windows() -> None:
    options = parse_entry("original").train_options()
    assert options.most_streams * options.longest_sequence == 128
    assert options.optimizer == "adam"
    assert {Schedule(options).at(each, 9).learning_rate for each in (0, 0.05, 0.5, 1)} == {1e-3}
    assert parse_entry("original:batch_size=16").train_options().batch_size == 16
