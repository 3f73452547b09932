"""The budget from which on one entry is ahead of another, with an interval.

Scores are measured at a few budgets n. Between two of them, a score is taken to fall by a power law through
both, a + b · n⁻ᵖ (Hestness et al. 2017, arXiv:1712.00409). For p = 0 that is a straight line in the logarithm
of n; the larger p, the more of the fall comes early. With three budgets or more, p is the one that suits
those between the ends; two say nothing about it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textgen.evaluation.intervals import MeasuredValue

Array = NDArray[np.float64]

NUM_RESAMPLES = 4000
LEVELS = (0.025, 0.975)
POWERS = np.linspace(1e-6, 1.0, 21)
"""Powers that a score may fall by; those of recorded ladders are 0 to 0.94."""
USUAL_POWER = 0.4
SPREAD = 0.25
"""How far the power between two budgets may be from the one that suits all of them."""
NUM_STEPS = 32
"""Steps from a budget to the next, each of which is straight in the logarithm."""


def lead_begins(amounts: Sequence[float] | Array, leads: Array) -> Array:
    """Return the amount from which on each row of leads stays positive.

    `amounts` rise, `leads` are [any number, number of amounts], and straight in the logarithm between them.
    The amount is 0 for a row that is positive throughout, and infinite for one that is not at the end.
    """
    logs, last = np.log(np.asarray(amounts, float)), len(amounts) - 1
    behind = leads <= 0
    before = last - np.argmax(behind[:, ::-1], axis=1)  # the last amount at which it is not positive
    after = np.minimum(before + 1, last)
    rows = np.arange(len(leads))
    low, high = leads[rows, before], leads[rows, after]
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

    The interval comes from resampling: at every budget the same passages are resampled, since scores of one
    text are paired, by random weights of the differences of neighbours (a multiplier bootstrap, van der Vaart
    and Wellner 1996, section 3.6), so that its variance is that of `estimate`; the seeds of each budget add
    noise of their own, with their moderated variance; and each curve has a power of its own.
    """
    logs = np.log(np.asarray(amounts, float))
    values = np.array([[each.value for each in of] for of in (behind, ahead)])
    leads = values[:1] - values[1:]
    power = fitted_powers(logs, leads) if len(logs) > 2 else np.array([USUAL_POWER])
    fine = np.exp(between(logs, logs[None], np.zeros(1))[0])
    begins = float(lead_begins(fine, between(logs, leads, power))[0])
    units = np.array([[each.pseudovalues.mean(0) for each in of] for of in (behind, ahead)])
    if units.shape[-1] < 2:
        return begins, None
    random = np.random.default_rng(0)
    noise = _of_units(units, random)
    curves = []
    for each, own, measured in zip(values, noise, (behind, ahead), strict=True):
        drawn = each + own + np.stack([_of_seeds(value, random) for value in measured], axis=1)
        curves.append(between(logs, drawn, _drawn_powers(logs, drawn, random)))
    low, high = np.quantile(lead_begins(fine, curves[0] - curves[1]), LEVELS, method="inverted_cdf")
    return begins, (float(low), float(high))


def between(logs: Array, values: Array, powers: Array) -> Array:
    """Return values at `NUM_STEPS` places from each budget to the next, and at the last.

    `logs` are the logarithms of the budgets, `values` [rows, budgets], `powers` [rows].
    """
    places = np.linspace(0, 1, NUM_STEPS, endpoint=False)
    steps = [
        values[:, [k]] + (values[:, [k + 1]] - values[:, [k]]) * _fallen(powers[:, None] * width, places)
        for k, width in enumerate(np.diff(logs))
    ]
    return np.concatenate([*steps, values[:, -1:]], axis=1)


def fitted_powers(logs: Array, values: Array) -> Array:
    """Return the power by which each row falls from the first budget to the last, by those between."""
    places = (logs - logs[0]) / (logs[-1] - logs[0])
    fallen = _fallen(POWERS[:, None] * (logs[-1] - logs[0]), places)
    expected = values[:, None, :1] + (values[:, None, -1:] - values[:, None, :1]) * fallen
    powers: Array = POWERS[np.square(expected - values[:, None]).sum(-1).argmin(-1)]
    return powers


def _fallen(exponents: Array, places: Array) -> Array:
    """Return the share of the fall up to places from 0 to 1 of the logarithm; exponents are above 0."""
    exponents = np.maximum(exponents, 1e-6)
    share: Array = np.expm1(-exponents * places) / np.expm1(-exponents)
    return share


def _drawn_powers(logs: Array, values: Array, random: np.random.Generator) -> Array:
    """Return powers that are plausible for the rows: any of two budgets, those near the fit of more."""
    if len(logs) < 3:
        return random.uniform(POWERS[0], POWERS[-1], len(values))
    spread = random.uniform(-SPREAD, SPREAD, len(values))
    return np.clip(fitted_powers(logs, values) + spread, POWERS[0], POWERS[-1])


def _of_units(units: Array, random: np.random.Generator) -> Array:
    """Return the noise of the passages, [2, NUM_RESAMPLES, budgets]; `units` are [2, budgets, units]."""
    number = units.shape[-1]
    degrees = 2 * (number - 1) ** 2 / (3 * number - 4)  # as in `intervals`
    weights = random.standard_normal((NUM_RESAMPLES, number - 1))
    weights *= np.sqrt(degrees / random.chisquare(degrees, (NUM_RESAMPLES, 1)))
    noise: Array = weights @ np.diff(units).swapaxes(1, 2) / math.sqrt(2 * (number - 1) * number)
    return noise


def _of_seeds(value: MeasuredValue, random: np.random.Generator) -> Array:
    """Return the noise of the seeds of a value, [NUM_RESAMPLES]."""
    if value.prior is None:
        return np.zeros(NUM_RESAMPLES)
    degrees = value.prior.degrees_of_freedom + len(value.values) - 1
    sd = math.sqrt(value.seed_variance() / len(value.values))
    return sd * random.standard_t(degrees, NUM_RESAMPLES)
