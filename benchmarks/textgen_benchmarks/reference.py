"""The plain way to do it: what textgen is measured against. Short and honest, nothing slowed down."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.device import Compute


class PlainLSTM(nn.Module):
    """Embedding, a stacked `nn.LSTM` and a linear layer, as in every tutorial."""

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


class PlainTraining:
    """A training loop with carried state, full softmax, Adam and gradient clipping."""

    def __init__(self, model: nn.Module, ids: Tensor, batch_size: int, length: int, compute: Compute) -> None:
        self.model, self.compute, self.length = model, compute, length
        per_stream = len(ids) // batch_size
        self.streams = ids[: per_stream * batch_size].view(batch_size, per_stream)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.position = 0
        self.state: Any = None

    def run(self, num_updates: int) -> int:
        """Do so many updates; return the number of tokens."""
        for _ in range(num_updates):
            if self.position + self.length >= self.streams.shape[1]:
                self.position, self.state = 0, None
            window = self.streams[:, self.position : self.position + self.length + 1]
            self.position += self.length
            with self.compute.autocast():
                logits, state = self.model(window[:, :-1], self.state)
            self.state = tuple(part.detach() for part in state)
            loss = F.cross_entropy(logits.float().flatten(0, 1), window[:, 1:].flatten())
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
        return num_updates * len(self.streams) * self.length


@torch.inference_mode()
def plain_generation(model: nn.Module, prompt: Tensor, num_tokens: int) -> int:
    """Sample token by token with temperature 0.8; return the number of tokens written by the whole batch."""
    logits, state = model(prompt)
    for _ in range(num_tokens):
        ids = torch.multinomial((logits[:, -1] / 0.8).softmax(-1), 1)
        logits, state = model(ids, state)
    return num_tokens * len(prompt)


def keras_windows(window: int = 60, num_symbols: int = 32) -> Any:
    """Return the original's work, 256 windows of 60 steps with one target each, or None without Keras.

    3 × 256 LSTM on scaled character numbers: 1,323,040 parameters.
    """
    try:
        import keras
    except ImportError:
        return None
    import numpy as np

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
