"""The original network: three of Keras' LSTM layers that read a window of characters and predict the next."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn

from textgen.nn.layers import FullSoftmax, HiddenSize, NumLayers

MAX_WINDOWS = 512
"""Number of windows computed at a time. Each takes `window` × `hidden_size` numbers per layer."""


class Original(nn.Module):
    """A network that predicts each symbol from the `window` symbols before it, and nothing else.

    A symbol is a single number, its id divided by the size of the vocabulary. The window passes `num_layers`
    LSTM layers, each followed by dropout, and the softmax sees the last output. At the beginning of a text,
    the window begins with zeros, as filled in by Keras' `pad_sequences`.

    Every prediction recomputes a whole window, so training and generation take `window` times as long as
    with a carried state.
    """

    recommended_training: ClassVar[dict[str, Any]] = {
        # 128 windows per update, from as many places in the text.
        "batch_size": 128,
        "sequence_length": 1,
        # Adam with Keras' defaults: a constant rate, no decay, no clipping.
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "min_lr_factor": 1.0,
        "warmup_fraction": 0.0,
        "weight_decay": 0.0,
        "max_grad_norm": 1e9,
        # A character of validation takes a third as long as one of training.
        "num_validations": 1,
    }

    def __init__(
        self,
        vocab_size: int,
        *,
        window: Annotated[int, Ge(1), Le(10_000), doc("Context length in symbols.")] = 60,
        hidden_size: HiddenSize = 256,
        num_layers: NumLayers = 3,
        dropout: Annotated[float, Ge(0), Lt(1), doc("Dropout probability after each layer.")] = 0.2,
    ) -> None:
        super().__init__()
        self.vocab_size, self.window = vocab_size, window
        self.layers = nn.Sequential()
        for index in range(num_layers):
            is_last = index == num_layers - 1
            layer = LSTMLayer(hidden_size if index else 1, hidden_size, returns_sequences=not is_last)
            self.layers.extend([layer, nn.Dropout(dropout)])
        self.output = FullSoftmax(hidden_size, vocab_size)
        nn.init.xavier_uniform_(self.output.weight)  # Glorot uniform, as in Keras

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the symbols of an empty window, zeros [batch, window - 1].

        As in the original, id 0 and padding are the same number.
        """
        device = self.output.bias.device
        return torch.zeros(batch_size, self.window - 1, dtype=torch.long, device=device)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [batch, time, vocab_size] and the last `window` - 1 symbols."""
        symbols = torch.cat([state, ids], dim=1)
        windows = symbols.unfold(1, self.window, 1)  # [batch, time, window]
        blocks = torch.split(windows.flatten(0, 1), MAX_WINDOWS)
        logits = torch.cat([self._predict(block) for block in blocks])
        return logits.view(*ids.shape, self.vocab_size), symbols[:, ids.shape[1] :]

    def _predict(self, windows: Tensor) -> Tensor:
        """Return the logits [count, vocab_size] after each of `windows` [count, window]."""
        numbers = windows[:, :, None] / self.vocab_size
        logits: Tensor = self.output(self.layers(numbers))
        return logits


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

    def __init__(self, input_size: int, hidden_size: int, *, returns_sequences: bool) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.returns_sequences = returns_sequences
        self.bias_hh_l0.requires_grad_(False)
        nn.init.xavier_uniform_(self.weight_ih_l0)  # Glorot uniform
        nn.init.orthogonal_(self.weight_hh_l0)  # all gates together
        for bias in (self.bias_ih_l0, self.bias_hh_l0):
            nn.init.zeros_(bias)
        nn.init.ones_(self.bias_ih_l0[hidden_size : 2 * hidden_size])  # gates: input, forget, cell, output

    def forward(self, windows: Tensor) -> Tensor:  # type: ignore[override]
        """Return outputs [batch, time, hidden_size], or the last one, [batch, hidden_size]."""
        outputs, _ = super().forward(windows)
        return outputs if self.returns_sequences else outputs[:, -1]
