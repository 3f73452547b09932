"""Training text as parallel streams, so that the state is carried from one update to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textgen.api import TextgenError, TokenIds


@dataclass
class Streams:
    """Cuts token ids into `batch_size` contiguous streams and walks along them, epoch after epoch.

    Each epoch starts at another offset, drawn from (`seed`, epoch), so that the few tokens that fill no
    sequence differ. Epoch and position are all there is to know for resuming.
    """

    ids: TokenIds
    batch_size: int
    sequence_length: int
    seed: int
    epoch: int = 0
    position: int = 0

    def __post_init__(self) -> None:
        if len(self.ids) < 2:
            raise TextgenError("the training split has fewer than two tokens; give a longer text")
        # A short text gets shorter windows, then fewer streams.
        self.sequence_length = min(self.sequence_length, len(self.ids) - 1)
        self.batch_size = max(1, min(self.batch_size, (len(self.ids) - 1) // self.sequence_length))
        self._start_epoch()

    def next(self, device: torch.device) -> tuple[Tensor, Tensor, bool]:
        """Return inputs and targets [batch_size, sequence_length], and whether the streams start anew."""
        if self.position == self.length:
            self.epoch += 1
            self.position = 0
            self._start_epoch()
        fresh = self.position == 0
        window = self._streams[:, self.position : self.position + self.sequence_length + 1]
        self.position += self.sequence_length
        batch = torch.from_numpy(window.astype(np.int64)).to(device, non_blocking=True)
        return batch[:, :-1], batch[:, 1:], fresh

    @property
    def length(self) -> int:
        """Tokens per stream: as many whole sequences as the text gives."""
        per_update = self.batch_size * self.sequence_length
        return (len(self.ids) - 1) // per_update * self.sequence_length

    @property
    def num_epochs(self) -> float:
        """How often the text has been seen."""
        return self.epoch + self.position / self.length

    def _start_epoch(self) -> None:
        unused = len(self.ids) - 1 - self.batch_size * self.length
        offset = int(np.random.default_rng((self.seed, self.epoch)).integers(unused + 1))
        # A view, not a copy: each row is a stream and, as its last target, the first token of the next.
        stride = self.ids.strides[0]
        self._streams = np.lib.stride_tricks.as_strided(
            self.ids[offset:], (self.batch_size, self.length + 1), (self.length * stride, stride)
        )
