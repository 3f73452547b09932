"""The original: three LSTM layers that read a window of character numbers and predict what follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt, doc
from torch import Tensor, nn

from textgen.api import TextgenError
from textgen.nn.options import HiddenSize, NumLayers
from textgen.nn.softmax import FullSoftmax
from textgen_models.original.keras_weights import read_keras
from textgen_models.original.layer import LSTMLayer, RecurrentActivation

MAX_WINDOWS = 512
"""So many windows are computed at a time. Each takes `window` × `hidden_size` numbers per layer."""


class Original(nn.Module):
    """Each symbol is predicted from the window of the last `window` symbols, and from nothing before.

    A symbol is one number, its id divided by the size of the vocabulary. The window passes `num_layers`
    LSTM layers, each followed by dropout; the softmax sees what the last one says after the last step.
    Where a text has only begun, its window begins with zeros, as Keras' `pad_sequences` fills it.

    Every prediction computes a whole window anew, so that training and generation take as many times
    longer than with a carried state as a window has symbols.
    """

    recommended_training: ClassVar[dict[str, Any]] = {
        # 128 windows an update, from as many places of the text.
        "batch_size": 128,
        "sequence_length": 1,
        # Adam as Keras has it: a constant rate, no decay, no clipping.
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "min_lr_factor": 1.0,
        "warmup_fraction": 0.0,
        "weight_decay": 0.0,
        "max_grad_norm": 1e9,
        # A character of validation takes a third as long as one of training.
        "num_validations": 1,
    }
    init_only_options: ClassVar[tuple[str, ...]] = ("weights",)

    def __init__(
        self,
        vocab_size: int,
        *,
        window: Annotated[int, Ge(1), doc("Symbols that a prediction sees.")] = 60,
        hidden_size: HiddenSize = 256,
        num_layers: NumLayers = 3,
        dropout: Annotated[
            float, Ge(0), Lt(1), doc("Share of each layer's outputs left out in training.")
        ] = 0.2,
        recurrent_activation: Annotated[
            RecurrentActivation,
            doc("hard_sigmoid: 0.2x + 0.5, as in Keras 1 and 2; hard_sigmoid_keras3: x/6 + 0.5."),
        ] = "sigmoid",
        weights: Annotated[str, doc("A .keras or .h5 file that the weights start from.")] = "",
    ) -> None:
        super().__init__()
        self.vocab_size, self.window = vocab_size, window
        self.layers = nn.Sequential()
        for index in range(num_layers):
            is_last = index == num_layers - 1
            layer = LSTMLayer(
                hidden_size if index else 1, hidden_size, recurrent_activation, returns_sequences=not is_last
            )
            self.layers.extend([layer, nn.Dropout(dropout)])
        self.output = FullSoftmax(hidden_size, vocab_size)
        nn.init.xavier_uniform_(self.output.weight)  # Glorot uniform, as in Keras
        if weights:
            options = {
                "window": window,
                "hidden_size": hidden_size,
                "num_layers": num_layers,
                "recurrent_activation": recurrent_activation,
            }
            self.load_state_dict(_keras_weights(weights, vocab_size, options))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return the symbols of an empty window, zeros [batch, window - 1].

        That is all there is to carry: id 0 and what comes before a text are the same number.
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


def load_keras(path: str | Path) -> Original:
    """Return the network in a `.keras` or `.h5` file, ready to predict.

    `model(ids, model.initial_state(1))` returns the logits, whose softmax is what Keras' `predict` returns;
    ids are positions in the sorted alphabet. Raises as `read_keras` does.
    """
    network = read_keras(path)
    model = Original(network.vocab_size, **network.options)
    model.load_state_dict(network.weights)
    return model.eval()


def _keras_weights(path: str, vocab_size: int, options: dict[str, Any]) -> dict[str, Tensor]:
    """Return the weights in a file of Keras, if it holds a network of this size with these options."""
    network = read_keras(path)
    if network.vocab_size != vocab_size:
        raise TextgenError(
            f"the network in {path} knows {network.vocab_size} symbols, this vocabulary has {vocab_size}; "
            "give the text that it was trained on, and fallback_bytes=false"
        )
    others = [f"{name}={value}" for name, value in network.options.items() if options[name] != value]
    if others:
        raise TextgenError(f"the network in {path} has other options; add {','.join(others)} to the entry")
    return network.weights
