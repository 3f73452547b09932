"""How much a change does, with a 95 % interval that knows of the text and of the seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class Figure:
    """A ratio of sums over units, measured with several seeds: bits per block / characters per block.

    Both arrays are [number of seeds, number of units].
    """

    amounts: NDArray[np.float64]
    sizes: NDArray[np.float64]
    units: str
    """What the units are, such as the hash of the text: figures of the same units are paired."""

    @property
    def value(self) -> float:
        """The mean of the ratios of all seeds."""
        return float(np.mean(self._ratios()))

    def _ratios(self) -> NDArray[np.float64]:
        ratios: NDArray[np.float64] = self.amounts.sum(1) / self.sizes.sum(1)
        return ratios

    def _resampled(self) -> NDArray[np.float64]:
        """Return the mean ratio for each resample of the units, the same ones for every figure of them."""
        number = self.amounts.shape[1]
        generator = np.random.default_rng(0)
        weights = generator.multinomial(number, np.full(number, 1 / number), size=NUM_RESAMPLES)
        sizes = np.maximum(weights @ self.sizes.T, 1e-9)
        means: NDArray[np.float64] = (weights @ self.amounts.T / sizes).mean(1)
        return means


@dataclass(frozen=True)
class Effect:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"value": self.value, "interval": [self.low, self.high]}


def estimate(figure: Figure) -> Effect:
    """Return a figure with its interval."""
    return _interval(figure.value, [figure._resampled()], [figure._ratios()], figure.amounts.shape[1])


def difference(new: Figure, old: Figure) -> Effect:
    """Return how much `new` is above `old`.

    Figures of the same units are paired: what makes a passage hard is hard for both. So are seeds, in so far
    as both have the same number of them. The variance is that of the mean over units (by the bootstrap)
    plus that of the mean over seeds; the interval is Student's, with degrees of freedom by Welch and
    Satterthwaite, so that few seeds make it wide.
    """
    value, number = new.value - old.value, new.amounts.shape[1]
    if new.units == old.units and new.amounts.shape == old.amounts.shape:
        resampled, ratios = new._resampled() - old._resampled(), new._ratios() - old._ratios()
        return _interval(value, [resampled], [ratios], number)
    return _interval(
        value,
        [new._resampled(), old._resampled()],
        [new._ratios(), old._ratios()],
        min(number, old.amounts.shape[1]),
    )


def _interval(
    value: float,
    resampled: list[NDArray[np.float64]],
    ratios: list[NDArray[np.float64]],
    num_units: int,
) -> Effect:
    variances = [(float(np.var(part)), max(1, num_units - 1)) for part in resampled]
    variances += [
        (float(np.var(part, ddof=1)) / len(part), len(part) - 1) for part in ratios if len(part) > 1
    ]
    total = sum(variance for variance, _ in variances)
    if not total:
        return Effect(value, value, value)
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in variances)
    reach = float(student.ppf(0.975, freedom)) * math.sqrt(total)
    return Effect(value, value - reach, value + reach)
