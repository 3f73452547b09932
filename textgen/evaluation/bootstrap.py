"""Comparing entries on the same text: intervals by the paired bootstrap, and reference scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES = 2000
MAX_BLOCKS = 2000
"""Resampling takes memory and time by the number of blocks; more would not make an interval surer."""


def block_size(num_chars: int) -> int:
    """Return how many characters a block has: 500, unless that gives fewer than 40 blocks or too many."""
    return max(1, min(500, num_chars // 40), -(-num_chars // MAX_BLOCKS))


@dataclass(frozen=True)
class Bootstrap:
    """Resamples the blocks of one text, the same way for every entry (Efron and Tibshirani 1993).

    Blocks, since the bits of neighbouring characters hang together; paired, since entries find the same
    passages hard, so that their difference is surer than each score.
    """

    num_chars: int
    seed: int = 0

    def interval(self, bits: NDArray[np.float64]) -> list[float]:
        """Return the 95 % interval of the bits per character, given the bits of each block."""
        low, high = np.percentile(self._resampled(bits), [2.5, 97.5])
        return [float(low), float(high)]

    def _resampled(self, bits: NDArray[np.float64]) -> NDArray[np.float64]:
        size = block_size(self.num_chars)
        chars = np.full(len(bits), size)
        chars[-1] = self.num_chars - size * (len(bits) - 1)
        generator = np.random.default_rng(self.seed)
        weights = generator.multinomial(len(bits), np.full(len(bits), 1 / len(bits)), size=NUM_RESAMPLES)
        resampled: NDArray[np.float64] = (weights @ bits) / (weights @ chars)
        return resampled


def differences(blocks: dict[str, NDArray[np.float64]], num_chars: int) -> list[dict[str, Any]]:
    """Return for each entry its distance from the best one, in bits per character, with its 95 % interval."""
    if len(blocks) < 2:
        return []
    bootstrap = Bootstrap(num_chars)
    best = min(blocks, key=lambda name: float(blocks[name].sum()))
    return [
        {
            "a": best,
            "b": name,
            "bits_per_char": float((bits - blocks[best]).sum()) / num_chars,
            "interval": bootstrap.interval(bits - blocks[best]),
        }
        for name, bits in blocks.items()
        if name != best
    ]
