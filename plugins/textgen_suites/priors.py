"""The prior of the variance between training seeds that the cases of a suite share (empirical Bayes).

A single comparison has too few seeds to tell that variance, so it takes the shipped prior. All cases of a
suite tell it together (Smyth 2004, doi:10.2202/1544-6115.1027, as in limma).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import digamma, polygamma

from textgen.evaluation.intervals import MeasuredValue, SeedPrior

MIN_FITTED = 5
"""The fewest variances that a prior is fitted to."""

_SMALLEST = 1e-5
"""The smallest variance that is told from zero, relative to the median: its logarithm must be finite."""


def fitted_prior(values: Iterable[MeasuredValue], shipped: SeedPrior) -> SeedPrior:
    """Return the prior that different cases of a suite share; `shipped` if too few have several seeds."""
    several = [each for each in values if each.prior and len(each.values) > 1]
    variances = [float(np.var(each.values, ddof=1)) for each in several]
    fitted = fit_prior(variances, [len(each.values) - 1 for each in several], shipped)
    if fitted is shipped:
        return shipped
    noise = float(np.mean([each.noise_within_seeds() for each in several]))
    return replace(fitted, sd=math.sqrt(max(0.0, fitted.sd**2 - noise)))


def fit_prior(variances: Sequence[float], degrees: Sequence[float], shipped: SeedPrior) -> SeedPrior:
    """Return the prior that the variances between seeds of many cases share.

    With fewer than `MIN_FITTED` it is `shipped`. `degrees` are the degrees of freedom of each variance.
    Method of moments on their logarithms (Smyth 2004, section 6.2): the logarithm of a scaled F variable has
    a known mean, and its variance is a sum of trigamma functions of both degrees of freedom.
    """
    observed, freedom = np.asarray(variances, float), np.asarray(degrees, float)
    if len(observed) < MIN_FITTED or not np.median(observed) > 0:
        return shipped
    logs = np.log(np.maximum(observed, _SMALLEST * np.median(observed)))
    logs += np.log(freedom / 2) - digamma(freedom / 2)
    spread = float(np.var(logs, ddof=1) - np.mean(polygamma(1, freedom / 2)))
    half = inverse_trigamma(spread) if spread > 0 else math.inf  # infinite if variances differ by chance only
    log_variance = float(np.mean(logs)) + (float(digamma(half)) - math.log(half) if half < math.inf else 0.0)
    # What is fitted is not known better than what it is fitted to.
    degrees_of_freedom = min(2 * half, float(freedom.sum()))
    return SeedPrior(math.exp(log_variance / 2), degrees_of_freedom, f"fitted to {len(observed)} cases")


def inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = `value` > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    if value < 1e-6:  # trigamma(x) is 1 / x + 1 / (2 x²) + …
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step < 1e-8 * x:
            break
    return x
