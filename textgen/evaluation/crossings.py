"""Where one value passes another along a ladder of budgets, with an interval.

Between two budgets, the difference of the values is taken to be linear in the logarithm of the budget. The
interval comes from resampling: at every budget the same passages are resampled, since scores of one text are
paired, by random weights of the differences of neighbours (a multiplier bootstrap, van der Vaart and Wellner
1996, section 3.6), so that its variance is that of `textgen.evaluation.intervals`; the seeds of each budget
add noise of their own, with their moderated variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textgen.evaluation.intervals import MeasuredValue

NUM_RESAMPLES = 4000
LEVELS = (0.025, 0.975)


def lead_begins(amounts: Sequence[float], differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amount from which on each row of differences stays positive.

    `amounts` are rising budgets, `differences` [any number, number of budgets]. The amount is 0 for a row
    that is positive throughout, and infinite for one that is not at the end.
    """
    logs, last = np.log(np.asarray(amounts, float)), len(amounts) - 1
    behind = differences <= 0
    before = last - np.argmax(behind[:, ::-1], axis=1)  # the last budget at which it is not positive
    after = np.minimum(before + 1, last)
    rows = np.arange(len(differences))
    low, high = differences[rows, before], differences[rows, after]
    with np.errstate(divide="ignore", invalid="ignore"):
        begins = np.exp(logs[before] - low / (high - low) * (logs[after] - logs[before]))
    begins = np.where(behind[:, -1], math.inf, begins)
    return np.where(behind.any(axis=1), begins, 0.0)


def crossing(
    amounts: Sequence[float], behind: Sequence[MeasuredValue], ahead: Sequence[MeasuredValue]
) -> tuple[float, tuple[float, float] | None]:
    """Return the amount from which on `ahead` is the smaller one, with its 95 % interval.

    Both hold a value for each of the rising `amounts`, all of the same units. The amount, and each end of
    the interval, is 0 if that is so at all amounts, and infinite if it is not so even at the last one. A
    single unit leaves the interval unknown.
    """
    pairs = list(zip(behind, ahead, strict=True))
    values = np.array([one.value - other.value for one, other in pairs])
    units = np.array([one.pseudovalues.mean(0) - other.pseudovalues.mean(0) for one, other in pairs])
    begins = float(lead_begins(amounts, values[None])[0])
    if units.shape[1] < 2:
        return begins, None
    random = np.random.default_rng(0)
    noise = _of_units(units, random) + np.stack([_of_seeds(pair, random) for pair in pairs], axis=1)
    low, high = np.quantile(lead_begins(amounts, values + noise), LEVELS, method="inverted_cdf")
    return begins, (float(low), float(high))


def _of_units(units: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return the noise of the passages, [NUM_RESAMPLES, number of budgets]; `units` are [budgets, units]."""
    number = units.shape[1]
    degrees = 2 * (number - 1) ** 2 / (3 * number - 4)  # as in `intervals`
    weights = random.standard_normal((NUM_RESAMPLES, number - 1))
    weights *= np.sqrt(degrees / random.chisquare(degrees, (NUM_RESAMPLES, 1)))
    noise: NDArray[np.float64] = weights @ np.diff(units).T / math.sqrt(2 * (number - 1) * number)
    return noise


def _of_seeds(pair: Sequence[MeasuredValue], random: np.random.Generator) -> NDArray[np.float64]:
    """Return the noise of the seeds of two values, [NUM_RESAMPLES]."""
    noise = np.zeros(NUM_RESAMPLES)
    for each in pair:
        if each.prior is not None:
            degrees = each.prior.degrees_of_freedom + len(each.values) - 1
            sd = math.sqrt(each.seed_variance() / len(each.values))
            noise += sd * random.standard_t(degrees, NUM_RESAMPLES)
    return noise
