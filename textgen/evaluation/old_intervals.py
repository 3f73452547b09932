"""Values with 95 % intervals that account for the text and for the training seeds.

Every interval of textgen is of this one kind. Its variance is that of the mean over the units of the text (by
the bootstrap, Efron and Tibshirani 1993) plus that of the mean over seeds; its width uses Student's t, with
degrees of freedom by Welch and Satterthwaite, so that few seeds make it wide. With one seed, only the text
counts.

The units of a score are segments of the text, because the bits of neighbouring characters are correlated. All
values of the same units are resampled with the same weights, so that their difference is paired: entries find
the same passages hard, and their difference varies less than each score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

INTERVAL_METHOD = "95 %, Student's t, bootstrap over segments of the text plus variance over seeds"
"""How results name this kind of interval."""


NUM_RESAMPLES = 2000
MAX_SEGMENTS = 2000
"""The cost of resampling grows with the number of segments; more would not make an interval narrower."""


def segment_size(num_chars: int) -> int:
    """Return the characters per segment: 500, unless that makes fewer than 40 segments or too many."""
    return max(1, min(500, num_chars // 40), -(-num_chars // MAX_SEGMENTS))


def segment_sizes(num_chars: int) -> NDArray[np.int64]:
    """Return the length of each segment of a text in characters; the last one may be shorter."""
    size = segment_size(num_chars)
    starts = np.arange(0, num_chars, size)
    return np.minimum(size, num_chars - starts)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    interval: tuple[float, float]

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval[0] > 0 or self.interval[1] < 0


@dataclass(frozen=True, eq=False)  # arrays cannot be compared as a whole
class RatioSample:
    """A ratio of sums over units, from several seeds, such as bits per segment / characters per segment.

    Both arrays are [number of seeds, number of units].
    """

    amounts: NDArray[np.float64]
    sizes: NDArray[np.float64]
    units: str
    """What the units are, such as the hash of the text: samples of the same units are paired."""
    seeds: tuple[int, ...]
    """The training seed of each row."""

    @property
    def value(self) -> float:
        """The mean of the ratios of all seeds."""
        return float(np.mean(self.ratios()))

    def ratios(self) -> NDArray[np.float64]:
        """Return the ratio of each seed, [number of seeds]."""
        ratios: NDArray[np.float64] = self.amounts.sum(1) / self.sizes.sum(1)
        return ratios

    def resampled(self) -> NDArray[np.float64]:
        """Return the mean ratio for each resample of the units."""
        return _resampled_ratios(self.amounts, self.sizes)

    def of_seeds(self, seeds: Sequence[int]) -> RatioSample:
        """Return the sample of some of the seeds, in the given order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return RatioSample(self.amounts[rows], self.sizes[rows], self.units, tuple(seeds))


def text_sample(bits: Mapping[int, NDArray[np.float64]], num_chars: int, text: str) -> RatioSample:
    """Return bits per character of a text, from the bits of its segments by each seed.

    `text` identifies the text, by its hash for example.
    """
    sizes = np.tile(segment_sizes(num_chars).astype(np.float64), (len(bits), 1))
    return RatioSample(np.stack(list(bits.values())), sizes, f"segments of {text}", tuple(bits))


def estimate(sample: RatioSample) -> Estimate:
    """Return the value of a sample with its interval."""
    return _with_interval(sample.value, [sample.resampled()], [sample.ratios()], sample.amounts.shape[1])


def difference(new: RatioSample, old: RatioSample) -> Estimate:
    """Return how much `new` is above `old`.

    Samples of the same units are paired, since what makes a passage hard is hard for both. Their seeds are
    paired too, and a seed that one of them lacks is left out. With fewer than two in common the spread over
    seeds would be unknown, so all are used, unpaired, unless both have only the same one.
    """
    num_units = min(new.amounts.shape[1], old.amounts.shape[1])
    same_units = new.units == old.units and new.amounts.shape[1] == old.amounts.shape[1]
    shared = [seed for seed in new.seeds if seed in old.seeds]
    same_seeds = same_units and (len(shared) > 1 or new.seeds == old.seeds)
    if same_seeds:
        new, old = new.of_seeds(shared), old.of_seeds(shared)
    texts = [new.resampled() - old.resampled()] if same_units else [new.resampled(), old.resampled()]
    seeds = [new.ratios() - old.ratios()] if same_seeds else [new.ratios(), old.ratios()]
    return _with_interval(new.value - old.value, texts, seeds, num_units)


def _with_interval(
    value: float,
    resampled: Sequence[NDArray[np.float64]],
    ratios: Sequence[NDArray[np.float64]],
    num_units: int,
) -> Estimate:
    variances = [(float(np.var(part)), max(1, num_units - 1)) for part in resampled]
    variances += [
        (float(np.var(part, ddof=1)) / len(part), len(part) - 1) for part in ratios if len(part) > 1
    ]
    total = sum(variance for variance, _ in variances)
    if not total:
        return Estimate(value, (value, value))
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in variances)
    reach = float(student.ppf(0.975, freedom)) * math.sqrt(total)
    return Estimate(value, (value - reach, value + reach))


def _resampled_ratios(amounts: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ratio of sums for each resample of the units, the mean over seeds, [NUM_RESAMPLES].

    `amounts` and `sizes` are [number of seeds, number of units].
    """
    number = amounts.shape[1]
    generator = np.random.default_rng(0)
    weights = generator.multinomial(number, np.full(number, 1 / number), size=NUM_RESAMPLES)
    totals = np.maximum(weights @ sizes.T, 1e-9)
    ratios: NDArray[np.float64] = (weights @ amounts.T / totals).mean(1)
    return ratios
