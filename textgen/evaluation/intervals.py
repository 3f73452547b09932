"""Values with 95 % intervals that account for the text and for the training seeds.

Every interval of textgen is of this one kind. A value is measured on units, stretches of text or generated
samples, and its jackknife pseudo-values (Miller 1974; Efron and Tibshirani 1993, chapter 11) say what each
unit contributes. The variance of the value is that of the mean pseudo-value plus that of the mean over
training seeds; the interval uses Student's t, with degrees of freedom by Welch and Satterthwaite.

Units are spread evenly over a text, so neighbours are alike, and the variance of their mean comes from the
differences of neighbours (Wolter 2007, Introduction to Variance Estimation, section 8.2).

One run says nothing about the variance between seeds, and that of three or five is a poor estimate. It is
moderated by a shipped prior (Smyth 2004, doi:10.2202/1544-6115.1027, as in limma).

The coverage of these intervals over the text is in `benchmarks/results/coverage.json`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Annotated

import numpy as np
from annotated_types import Ge, Predicate
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

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

    def after_runs(self, num_chars: Sequence[float], pace_sds: Sequence[float] = (0.0,)) -> SeedPrior | None:
        """Return the prior after the mean training of runs; None if none is trained: counting has no seed.

        `pace_sds` are the standard deviations that the pace of the machine adds to their scores.
        """
        if not num_chars:
            return None
        known = self.after(fmean(num_chars))
        return replace(known, sd=math.hypot(known.sd, math.sqrt(fmean(each**2 for each in pace_sds))))


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

INTERVAL_METHOD = (
    "95 %, Student's t, over stretches of the text (for metrics of generated text, over samples; jackknife) "
    "and over training seeds (moderated variance)"
)
"""Name of this kind of interval in results."""

LEVEL = 0.05
"""A difference is clear if its p-value is below this."""


def is_ordered(interval: tuple[float, float]) -> bool:
    """Return whether the low end of an interval is not above its high end."""
    return interval[0] <= interval[1]


Interval = Annotated[tuple[float, float], Predicate(is_ordered)]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, which is None if a single unit leaves it unknown."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Contrast(Estimate):
    """A difference with its 95 % interval."""

    p_value: Share
    """Two-sided, for no difference, perhaps adjusted for several comparisons; 1 without an interval."""

    @property
    def is_clear(self) -> bool:
        """True if the difference is more than chance explains."""
        return self.p_value < LEVEL


@dataclass(frozen=True, eq=False)  # arrays cannot be compared as a whole
class MeasuredValue:
    """A value by each of several training seeds, and what each unit contributes to it."""

    values: NDArray[np.float64]
    """[number of seeds]"""
    pseudovalues: NDArray[np.float64]
    """[number of seeds, number of units], units in the order of the text."""
    units: str
    """Name of the units, such as the hash of their text: values of the same units are paired."""
    seeds: tuple[int, ...]
    """The training seed of each row."""
    prior: SeedPrior | None = None
    """None if the value does not depend on a training seed: the model counts, or the text is fixed."""

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    def distance_from(self, reference: MeasuredValue) -> MeasuredValue:
        """Return the distance of the value from that of a reference, such as the held-out text.

        The sign of the difference is then treated as known. Raises `ValueError` if the units differ.
        """
        if not _are_paired(self, reference):
            raise ValueError(f"the units differ: {self.units!r} and {reference.units!r}")
        sign = 1.0 if self.value >= reference.value else -1.0
        return replace(
            self,
            values=sign * (self.values - reference.value),
            pseudovalues=sign * (self.pseudovalues - reference.pseudovalues.mean(0)),
        )

    def noise_within_seeds(self) -> float:
        """Return the variance that units add to the value of one seed, apart from what they add to all seeds.

        Zero for a single seed, in which the two cannot be told apart.
        """
        num_seeds, num_units = self.pseudovalues.shape
        if num_seeds < 2 or num_units < 2:
            return 0.0
        deviations = self.pseudovalues - self.pseudovalues.mean(0)
        return float(_unit_variance(deviations)[0] * num_seeds / (num_seeds - 1))

    def seed_variance(self) -> float:
        """Return the moderated variance between seeds, without the noise within them."""
        if self.prior is None:
            return 0.0
        known, observed = self.prior.degrees_of_freedom, len(self.values) - 1
        variance = float(np.var(self.values, ddof=1)) - self.noise_within_seeds() if observed else 0.0
        moderated = (known * self.prior.sd**2 + observed * variance) / (known + observed)
        return moderated if moderated > 0 else 0.0


def measured_ratio(
    amounts: NDArray[np.float64],
    sizes: NDArray[np.float64],
    units: str,
    seeds: Sequence[int],
    prior: SeedPrior | None,
) -> MeasuredValue:
    """Return a ratio of sums over units, such as bits of stretches / characters of stretches.

    Both arrays are [number of seeds, number of units]. The ratio without a unit must be defined, or its
    pseudo-value is NaN.
    """
    total, size = amounts.sum(1, keepdims=True), sizes.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios, without = total / size, (total - amounts) / (size - sizes)
    return MeasuredValue(ratios[:, 0], jackknife(ratios, without), units, tuple(seeds), prior)


def jackknife(value: NDArray[np.float64] | float, without: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pseudo-values from values without each unit (the last axis of `without`)."""
    num_units = without.shape[-1]
    if num_units == 1:
        return np.full_like(without, value)  # a single unit contributes everything
    pseudovalues: NDArray[np.float64] = num_units * value - (num_units - 1) * without
    return pseudovalues


def estimate(measured: MeasuredValue) -> Estimate:
    """Return a value with its interval."""
    units = _unit_variance(measured.pseudovalues.mean(0)[None])
    interval, _ = _inference(measured.value, [units, _seed_part([measured])])
    return Estimate(measured.value, interval)


def rate_interval(found: Estimate) -> tuple[float, float] | None:
    """Return the interval of a rate, cut at 0 and 1; it covers the rate as often as the whole one.

    On the scale of logits (or by Wilson's method) it would have no such ends, but where a rate is near 1 and
    most of its variance is that between seeds, it would reach far too wide: from 0.09 for 0.998 ± 0.02.
    """
    if found.interval is None:
        return None
    low, high = found.interval
    return min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)


def difference(new: MeasuredValue, old: MeasuredValue) -> Contrast:
    """Return how much `new` is above `old`.

    Values of the same units are paired, since what makes a passage hard is hard for both; seeds are not,
    since the same seed means something else to another model. Equal values come from the same runs.
    """
    if np.array_equal(new.pseudovalues, old.pseudovalues) and np.array_equal(new.values, old.values):
        return Contrast(0.0, (0.0, 0.0), 1.0)
    value = new.value - old.value
    return Contrast(value, *_inference(value, _difference_parts(new, old)))


def smallest_clear(
    new: MeasuredValue, old: MeasuredValue, num_tests: int = 1, num_seeds: int | None = None
) -> float:
    """Return the smallest difference between two values that is clear: t(1 - LEVEL / (2 m), v) * s.

    m is `num_tests`, the number that the p-value is multiplied by; s and v are the standard error of the
    difference and its degrees of freedom. NaN if a single unit leaves them unknown.

    With `num_seeds` it is what to expect of as many seeds of each value. The moderated variance between seeds
    is what the variance of further ones is expected to be, so it stays the same; its share of s², and that
    of the noise within seeds, fall as 1 / `num_seeds`; what the units add to all seeds remains.
    """
    error, degrees = _standard_error(_difference_parts(new, old, num_seeds))
    return float(stdtrit(degrees, 1 - LEVEL / (2 * num_tests))) * error


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by the step-down method of Holm (1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, float)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(raised).clip(max=1.0)
    values: list[float] = adjusted.tolist()
    return values


_Variance = tuple[float, float]
"""The variance of a mean, and its degrees of freedom."""


def _are_paired(one: MeasuredValue, other: MeasuredValue) -> bool:
    return one.units == other.units and one.pseudovalues.shape[1] == other.pseudovalues.shape[1]


def _unit_variance(rows: NDArray[np.float64]) -> _Variance:
    """Return the variance of the mean of a row, from the differences of neighbours; NaN for a single unit.

    `rows` are [any number, number of units]; several give their mean variance.
    """
    number = rows.shape[1]
    if number < 2:
        return math.nan, 1.0
    variance = float(np.square(np.diff(rows)).sum(1).mean()) / (2 * (number - 1) * number)
    # Neighbouring differences are correlated: for independent normal units the sum of their squares varies as
    # that of so many independent ones.
    return variance, 2 * (number - 1) ** 2 / (3 * number - 4)


def _seed_part(values: Sequence[MeasuredValue], num_seeds: int | None = None) -> _Variance:
    """Return the variance that the seeds add, or that `num_seeds` of each value would add.

    Degrees of freedom of a shared prior do not add up.
    """
    variance = sum(each.seed_variance() / (num_seeds or len(each.values)) for each in values)
    degrees = [
        each.prior.degrees_of_freedom + (num_seeds or len(each.values)) - 1 for each in values if each.prior
    ]
    return variance, min(degrees, default=1.0)


def _difference_parts(
    new: MeasuredValue, old: MeasuredValue, num_seeds: int | None = None
) -> list[_Variance]:
    """Return what units and seeds add to the variance of a difference, or would with `num_seeds` of each."""
    sides = (new, old)
    means = [each.pseudovalues.mean(0)[None] for each in sides]
    averaged = [  # noise within seeds that more of them would average out
        each.noise_within_seeds() * (1 / len(each.values) - 1 / (num_seeds or len(each.values)))
        for each in sides
    ]
    if _are_paired(new, old):
        means, averaged = [means[0] - means[1]], [sum(averaged)]
    units = [
        (max(variance - less, 0.0), degrees)  # NaN stays
        for (variance, degrees), less in zip(map(_unit_variance, means), averaged, strict=True)
    ]
    return [*units, _seed_part(sides, num_seeds)]


def _standard_error(parts: Sequence[_Variance]) -> tuple[float, float]:
    """Return the square root of the sum of variances, and its degrees of freedom (Welch-Satterthwaite)."""
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return 0.0, math.inf
    return math.sqrt(total), total**2 / sum(variance**2 / freedom for variance, freedom in parts)


def _inference(value: float, parts: Sequence[_Variance]) -> tuple[tuple[float, float] | None, float]:
    """Return the interval of a value whose variance is the sum of `parts`, and its p-value for zero."""
    error, degrees = _standard_error(parts)
    if math.isnan(error) or math.isnan(value):
        return None, 1.0
    if error == 0:
        return (value, value), float(value == 0)
    reach = float(stdtrit(degrees, 0.975)) * error
    return (value - reach, value + reach), 2 * float(stdtr(degrees, -abs(value) / error))
