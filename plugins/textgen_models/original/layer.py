"""Keras' LSTM layer: one bias per gate, its initial weights, its hard sigmoids."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RecurrentActivation = Literal["sigmoid", "hard_sigmoid", "hard_sigmoid_keras3"]


def hard_sigmoid(gates: Tensor) -> Tensor:
    """Return 0.2 x + 0.5, clamped to [0, 1]: the gates of Keras 1 and, by default, of Keras 2 until 2.2."""
    return (0.2 * gates + 0.5).clamp(0, 1)


HARD: dict[str, Callable[[Tensor], Tensor]] = {
    "hard_sigmoid": hard_sigmoid,
    "hard_sigmoid_keras3": F.hardsigmoid,
}
"""Activations of gates that torch's LSTM lacks. The hard sigmoid of Keras 3 is relu6(x + 3) / 6."""


class LSTMLayer(nn.LSTM):
    """Windows [batch, time, input_size] to outputs [batch, time, hidden_size], or to the last output.

    Each window starts from a zero state. The second of torch's two biases per gate stays zero, and since
    Keras' layer lacks it, it does not count as a parameter.
    """

    num_frozen_parameters: ClassVar[int] = 0

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, activation: RecurrentActivation, returns_sequences: bool
    ) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.activation, self.returns_sequences = activation, returns_sequences
        self.bias_hh_l0.requires_grad_(False)
        nn.init.xavier_uniform_(self.weight_ih_l0)  # Glorot uniform
        nn.init.orthogonal_(self.weight_hh_l0)  # all gates together
        for bias in (self.bias_ih_l0, self.bias_hh_l0):
            nn.init.zeros_(bias)
        nn.init.ones_(self.bias_ih_l0[hidden_size : 2 * hidden_size])  # gates: input, forget, cell, output

    def forward(self, windows: Tensor) -> Tensor:  # type: ignore[override]
        """Return outputs [batch, time, hidden_size], or the last one, [batch, hidden_size]."""
        if self.activation in HARD:
            outputs = self._step_by_step(windows, HARD[self.activation])
        else:
            outputs, _ = super().forward(windows)
        return outputs if self.returns_sequences else outputs[:, -1]

    def _step_by_step(self, windows: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
        inputs = F.linear(windows, self.weight_ih_l0, self.bias_ih_l0)
        hidden = cell = windows.new_zeros(len(windows), self.hidden_size)
        outputs = []
        for step in inputs.unbind(1):
            gates = (step + F.linear(hidden, self.weight_hh_l0)).float()
            write, forget, new, show = gates.chunk(4, dim=1)
            cell = activation(forget) * cell + activation(write) * new.tanh()
            hidden = activation(show) * cell.tanh()
            outputs.append(hidden)
        return torch.stack(outputs, dim=1)
