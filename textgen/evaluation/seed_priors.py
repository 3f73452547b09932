"""Priors of the variance between training seeds: what is known before an entry is trained more than once.

One run says nothing about it, and the variance of three or five is a poor estimate. It is therefore
moderated by a prior (Smyth 2004, doi:10.2202/1544-6115.1027, as in limma): shipped for single comparisons,
fitted to the cases of a suite where there are many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Annotated

import numpy as np
from annotated_types import Ge
from scipy.special import digamma, polygamma

from textgen.runtime.storage.json_records import Amount, Share

FIRST_CHARS, LAST_CHARS = 100_000, 3_000_000
"""The fewest and the most characters of training that priors were measured with."""


@dataclass(frozen=True)
class SeedPrior:
    """Prior of the standard deviation between runs of an entry that differ in the seed only.

    It excludes the noise of the units themselves, such as that of drawing 24 samples from one model.
    """

    sd: Amount
    """That of entries trained on `FIRST_CHARS` characters, if it decays."""
    degrees_of_freedom: Annotated[float, Ge(1e-6)]
    """Weight of the prior, as degrees of freedom observed; few say that `sd` varies between entries."""
    source: str
    decay: Share = 0.0
    """The power of the number of characters read in training by which `sd` falls."""

    def after(self, num_chars: float) -> SeedPrior:
        """Return the prior after `num_chars` characters of training.

        It is constant beyond `LAST_CHARS`, and extrapolated below `FIRST_CHARS`.
        """
        read = min(max(num_chars, 1), LAST_CHARS)
        return replace(self, sd=self.sd * (FIRST_CHARS / read) ** self.decay, decay=0.0)

    def after_runs(self, num_chars: Sequence[float]) -> SeedPrior | None:
        """Return the prior after the mean training of runs; None if none is trained: counting has no seed."""
        return self.after(fmean(num_chars)) if num_chars else None


_MEASURED = "benchmarks/results/seeds.json"

SHIPPED_PRIORS = {
    "bits_per_char": SeedPrior(0.0077, 3.0, _MEASURED, decay=0.41),
    "real_word_rate": SeedPrior(0.0056, 3.0, _MEASURED),
    "distinct_1": SeedPrior(0.0048, 3.0, _MEASURED),
    "distinct_2": SeedPrior(0.0119, 3.0, _MEASURED),
    "repetition_4": SeedPrior(0.00023, 3.0, _MEASURED),
    "self_bleu": SeedPrior(0.0130, 3.0, _MEASURED),
    "novel_4gram_rate": SeedPrior(0.00174, 3.0, _MEASURED),
}
"""The prior of each metric that has intervals."""

MIN_FITTED = 5
"""The fewest variances that a prior is fitted to."""

_SMALLEST = 1e-5
"""The smallest variance that is told from zero, relative to the median: its logarithm must be finite."""


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
