"""Priors of the variance between training seeds, fitted to what several cases share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import polygamma

from textgen.evaluation.intervals import (
    SHIPPED_PRIORS,
    Estimate,
    MeasuredValue,
    SeedPrior,
    difference,
    measured_ratio,
)
from textgen_suites.effects import fit_prior, fitted_prior, inverse_trigamma

PRIOR = SeedPrior(0.01, 4, "a test")
SHIPPED = SHIPPED_PRIORS["bits_per_char"]
NUM_UNITS = 24


def sample(rows: NDArray[np.float64]) -> MeasuredValue:
    """A sample of equally large units with these values, [number of seeds, number of units]."""
    return measured_ratio(rows * 100, np.full(rows.shape, 100.0), "text", range(len(rows)), PRIOR)


def reach(found: Estimate) -> float:
    """Half the width of an interval."""
    assert found.interval is not None
    return (found.interval[1] - found.interval[0]) / 2


def variances(prior: SeedPrior, degrees: int, number: int) -> list[float]:
    """Observed variances whose true ones are drawn from a prior."""
    generator = np.random.default_rng(0)
    true = prior.sd**2 * prior.degrees_of_freedom / generator.chisquare(prior.degrees_of_freedom, number)
    return list(true * generator.chisquare(degrees, number) / degrees)


def test_a_prior_is_fitted_to_the_cases_of_a_suite_without_the_noise_of_their_units() -> None:
    generator = np.random.default_rng(0)
    cases = []
    for _ in range(300):
        sd = 0.02 * math.sqrt(8 / generator.chisquare(8))
        noise = generator.normal(0, 0.02, (3, NUM_UNITS))
        cases.append(sample(0.9 + generator.normal(0, sd, (3, 1)) + noise))
    found = fitted_prior(cases, PRIOR)
    assert found.sd == pytest.approx(0.02, rel=0.15)
    assert 4 < found.degrees_of_freedom < 20
    assert fitted_prior(cases[:3], PRIOR) is PRIOR


def test_the_narrowest_intervals_of_a_suite_hold_the_truth_too() -> None:
    """All cases are equally good, the seeds of some differ more, and each is compared with the next."""
    generator = np.random.default_rng(0)
    held: list[bool] = []
    narrowest: list[bool] = []
    for _ in range(25):
        sds = 0.015 * np.exp(0.5 * generator.normal(size=60))
        cases = [
            sample(generator.normal(0, sd, (3, 1)) + generator.normal(0, 0.015, NUM_UNITS)) for sd in sds
        ]
        prior = fitted_prior(cases, PRIOR)
        cases = [replace(case, prior=prior) for case in cases]
        found = sorted(map(difference, cases, [*cases[1:], cases[0]]), key=reach)
        hold = [not contrast.is_clear for contrast in found]
        held += hold
        narrowest += hold[:6]
    assert 0.93 <= np.mean(held) <= 0.97
    assert np.mean(narrowest) >= 0.9


@pytest.mark.parametrize("degrees", [2, 4])
@pytest.mark.parametrize("prior", [SeedPrior(0.015, 4, ""), SeedPrior(0.002, 12, "")])
def test_a_prior_is_found_again(prior: SeedPrior, degrees: int) -> None:
    found = fit_prior(variances(prior, degrees, 40_000), [degrees] * 40_000, SHIPPED)
    assert found.sd == pytest.approx(prior.sd, rel=0.1)
    assert found.degrees_of_freedom == pytest.approx(prior.degrees_of_freedom, rel=0.35)


def test_variances_that_differ_by_chance_only_are_pooled() -> None:
    values = list(0.01**2 * np.random.default_rng(1).chisquare(2, 200) / 2)
    found = fit_prior(values, [2] * 200, SHIPPED)
    assert found.sd == pytest.approx(0.01, rel=0.1)
    assert found.degrees_of_freedom > 30
    equal = fit_prior([0.01**2] * 20, [2] * 20, SHIPPED)
    assert (equal.sd, equal.degrees_of_freedom) == (pytest.approx(0.01, rel=0.4), 40)


def test_a_variance_of_zero_can_be_fitted() -> None:
    found = fit_prior([0.0, *variances(SeedPrior(0.01, 8, ""), 2, 40)], [2] * 41, SHIPPED)
    assert 0 < found.sd < 0.02


@pytest.mark.parametrize("values", [[], [1.0] * 4, [0.0] * 20])
def test_too_few_variances_leave_the_shipped_prior(values: list[float]) -> None:
    assert fit_prior(values, [2] * len(values), SHIPPED) is SHIPPED


@pytest.mark.parametrize("x", [0.01, 0.5, 1.0, 2.5, 40.0, 1e4, 1e7])
def test_the_inverse_of_trigamma(x: float) -> None:
    assert inverse_trigamma(float(polygamma(1, x))) == pytest.approx(x, rel=1e-5)
