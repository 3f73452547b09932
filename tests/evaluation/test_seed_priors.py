"""Priors of the variance between training seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import polygamma

from textgen.evaluation.intervals import (
    FIRST_CHARS,
    LAST_CHARS,
    SHIPPED_PRIORS,
    SeedPrior,
    fit_prior,
    inverse_trigamma,
)

SHIPPED = SHIPPED_PRIORS["bits_per_char"]


def variances(prior: SeedPrior, degrees: int, number: int) -> list[float]:
    """Observed variances whose true ones are drawn from a prior."""
    generator = np.random.default_rng(0)
    true = prior.sd**2 * prior.degrees_of_freedom / generator.chisquare(prior.degrees_of_freedom, number)
    return list(true * generator.chisquare(degrees, number) / degrees)


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


def test_seeds_differ_less_after_more_training_as_far_as_that_was_measured() -> None:
    prior = SeedPrior(0.01, 4, "a test", decay=0.5)
    read = (FIRST_CHARS / 4, FIRST_CHARS, 4 * FIRST_CHARS, LAST_CHARS, 10 * LAST_CHARS)
    last = 0.01 * (FIRST_CHARS / LAST_CHARS) ** 0.5
    assert [prior.after(chars).sd for chars in read] == pytest.approx([0.02, 0.01, 0.005, last, last])
    assert prior.after(4 * FIRST_CHARS).after(LAST_CHARS).sd == pytest.approx(0.005)


def test_a_variance_of_zero_can_be_fitted() -> None:
    found = fit_prior([0.0, *variances(SeedPrior(0.01, 8, ""), 2, 40)], [2] * 41, SHIPPED)
    assert 0 < found.sd < 0.02


@pytest.mark.parametrize("values", [[], [1.0] * 4, [0.0] * 20])
def test_too_few_variances_leave_the_shipped_prior(values: list[float]) -> None:
    assert fit_prior(values, [2] * len(values), SHIPPED) is SHIPPED


@pytest.mark.parametrize("x", [0.01, 0.5, 1.0, 2.5, 40.0, 1e4, 1e7])
def test_the_inverse_of_trigamma(x: float) -> None:
    assert inverse_trigamma(float(polygamma(1, x))) == pytest.approx(x, rel=1e-5)
