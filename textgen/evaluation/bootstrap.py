"""The bootstrap over the segments of a text (Efron and Tibshirani 1993).

Segments, since the bits of neighbouring characters depend on each other. Every value of the same segments is
resampled with the same weights, so that the difference of two of them is paired: entries find the same
passages hard, and their difference varies less than each score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUM_RESAMPLES = 2000
MAX_SEGMENTS = 2000
"""Resampling takes memory and time by the number of segments; more would not make an interval narrower."""


def segment_size(num_chars: int) -> int:
    """Return the characters of a segment: 500, unless that makes fewer than 40 segments or too many."""
    return max(1, min(500, num_chars // 40), -(-num_chars // MAX_SEGMENTS))


def segment_sizes(num_chars: int) -> NDArray[np.int64]:
    """Return the characters of each segment of a text; the last one may be shorter."""
    size = segment_size(num_chars)
    starts = np.arange(0, num_chars, size)
    return np.minimum(size, num_chars - starts)


def resampled_ratios(amounts: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ratio of sums for each resample of the units, the mean over seeds, [NUM_RESAMPLES].

    `amounts` and `sizes` are [number of seeds, number of units].
    """
    number = amounts.shape[1]
    generator = np.random.default_rng(0)
    weights = generator.multinomial(number, np.full(number, 1 / number), size=NUM_RESAMPLES)
    totals = np.maximum(weights @ sizes.T, 1e-9)
    ratios: NDArray[np.float64] = (weights @ amounts.T / totals).mean(1)
    return ratios
