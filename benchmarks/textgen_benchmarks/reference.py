"""Plain reference implementations that textgen is compared with: short, and not slowed down on purpose.

Each function returns a callable that does its work once per call; `speed` runs it in another process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.runtime.device import DeviceConfig
from textgen_benchmarks.timing import Work


class PlainLSTM(nn.Module):
    """The model of every tutorial: an embedding, a stacked `nn.LSTM` and a linear layer."""

    def __init__(
        self, vocab_size: int, hidden_size: int = 256, num_layers: int = 3, embedding: int = 256
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.lstm = nn.LSTM(embedding, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return logits [batch, time, vocab_size] and the state."""
        features, state = self.lstm(self.embedding(ids), state)
        return self.output(features), state


def plain_training(
    ids: NDArray[np.int64],
    shape: tuple[int, int],
    device_config: DeviceConfig,
    num_updates: int,
    model: dict[str, int],
) -> Work:
    """Return the work of `num_updates` updates on batches of `shape`, rows × tokens.

    The loop carries the state and uses the full softmax, Adam and gradient clipping.
    """
    (batch_size, length), lstm = shape, PlainLSTM(**model).to(device_config.device)
    per_stream = len(ids) // batch_size
    batches = (
        torch.from_numpy(ids[: per_stream * batch_size]).view(batch_size, per_stream).to(device_config.device)
    )
    optimizer = torch.optim.Adam(lstm.parameters(), lr=1e-3)
    position, state = 0, None

    def work() -> int:
        nonlocal position, state
        for _ in range(num_updates):
            if position + length >= per_stream:
                position, state = 0, None
            window = batches[:, position : position + length + 1]
            position += length
            with device_config.autocast():
                logits, state = lstm(window[:, :-1], state)
            state = tuple(part.detach() for part in state)
            loss = F.cross_entropy(logits.float().flatten(0, 1), window[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(lstm.parameters(), 1.0)
            optimizer.step()
        return num_updates * batch_size * length

    return work


def plain_generation(vocab_size: int, batch_size: int, num_tokens: int, device: torch.device) -> Work:
    """Return the work of sampling `num_tokens` tokens, one by one, in each row of a batch."""
    model = PlainLSTM(vocab_size).to(device).eval()
    prompt = torch.zeros(batch_size, 1, dtype=torch.long, device=device)

    @torch.inference_mode()
    def work() -> int:
        logits, state = model(prompt)
        for _ in range(num_tokens):
            ids = torch.multinomial((logits[:, -1] / 0.8).softmax(-1), 1)
            logits, state = model(ids, state)
        return num_tokens * batch_size

    return work


def keras_windows(window: int = 60, num_symbols: int = 32) -> Work:
    """Return the work of the original: training on 256 windows of 60 steps with one target each.

    Three LSTM layers of 256 on scaled character indices: 1,323,040 parameters.
    """
    import keras

    layers = [keras.layers.LSTM(256, return_sequences=index < 2) for index in range(3)]
    model = keras.Sequential(
        [keras.Input((window, 1)), *layers, keras.layers.Dense(num_symbols, activation="softmax")]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    generator = np.random.default_rng(0)
    inputs = generator.random((256, window, 1), np.float32)
    targets = np.eye(num_symbols, dtype=np.float32)[generator.integers(num_symbols, size=256)]

    def work() -> int:
        model.fit(inputs, targets, batch_size=64, epochs=1, verbose=0)
        return len(inputs)

    return work
