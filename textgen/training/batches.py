"""Training batches from contiguous streams of text, so that the state is carried across updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TextgenError, TokenIds

MAX_RESIDENT = 2**24
"""Maximum number of tokens of a training text held in the CPU's memory, 4 bytes each. Windows of a longer one
are read from its array, which may be mapped from a file."""
MAX_RESIDENT_ON_DEVICE = 2**28
"""Maximum number of tokens held in the memory of another device."""


def resident_bytes(num_tokens: int, device: torch.device) -> int:
    """Return the memory that a training text of this length takes on a device: 0 if it is read in windows."""
    is_resident = num_tokens <= (MAX_RESIDENT if device.type == "cpu" else MAX_RESIDENT_ON_DEVICE)
    return torch.int32.itemsize * num_tokens if is_resident else 0


@dataclass
class ContiguousBatches:
    """Reads token ids as `batch_size` contiguous streams in parallel, epoch after epoch.

    Each epoch starts at a random offset, which depends on `seed` and epoch, so that different tokens are left
    over at the ends.
    """

    ids: TokenIds
    batch_size: int
    sequence_length: int
    seed: int
    epoch: int = field(default=0, init=False)
    position: int = field(default=0, init=False)
    num_steps: int = field(default=0, init=False)
    """The tokens that each stream has given so far."""
    _resident: Tensor | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.ids) < 2:
            raise TextgenError("the training split has fewer than two tokens; give a longer text")
        # A short text gets shorter windows, then fewer streams.
        self.sequence_length = min(self.sequence_length, len(self.ids) - 1)
        self.batch_size = max(1, min(self.batch_size, (len(self.ids) - 1) // self.sequence_length))
        self._start_epoch()

    def next(self, device: torch.device, max_length: int | None = None) -> tuple[Tensor, Tensor, bool]:
        """Return inputs and targets [batch_size, time], and whether a new epoch starts.

        The time is `max_length`, by default `sequence_length`, or what is left of the epoch.
        """
        if self.position == self.length:
            self.epoch += 1
            self.position = 0
            self._start_epoch()
        fresh = self.position == 0
        length = min(max_length or self.sequence_length, self.sequence_length, self.length - self.position)
        batch = self._window(device, length)
        self.position += length
        self.num_steps += length
        return batch[:, :-1], batch[:, 1:], fresh

    def state(self) -> dict[str, int]:
        return {"epoch": self.epoch, "position": self.position, "num_steps": self.num_steps}

    def restore(self, state: Mapping[str, int]) -> None:
        self.epoch, self.position, self.num_steps = (
            state[name] for name in ("epoch", "position", "num_steps")
        )
        self._start_epoch()

    @property
    def num_tokens(self) -> int:
        """The number of tokens of all streams so far."""
        return self.batch_size * self.num_steps

    @property
    def length(self) -> int:
        """The number of tokens per stream, a multiple of `sequence_length`."""
        return (len(self.ids) - 1) // (self.batch_size * self.sequence_length) * self.sequence_length

    @property
    def num_epochs(self) -> float:
        return self.epoch + self.position / self.length

    def _start_epoch(self) -> None:
        unused = len(self.ids) - 1 - self.batch_size * self.length
        self._offset = int(np.random.default_rng((self.seed, self.epoch)).integers(unused + 1))

    def _window(self, device: torch.device, length: int) -> Tensor:
        """Return the next sequence of each stream plus one token, [batch_size, length + 1]."""
        shape = (self.batch_size, length + 1)
        start = self._offset + self.position
        if resident_bytes(len(self.ids), device):
            if self._resident is None:
                self._resident = torch.from_numpy(np.asarray(self.ids, np.int32)).to(device)
            return self._resident.as_strided(shape, (self.length, 1), start).long()
        stride = self.ids.strides[0]
        window = np.lib.stride_tricks.as_strided(self.ids[start:], shape, (self.length * stride, stride))
        return torch.from_numpy(window.astype(np.int64)).to(device, non_blocking=True)
