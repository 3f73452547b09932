"""Coverage of intervals over training seeds, by simulation: `python -m textgen_benchmarks.seed_intervals`.

Suites are drawn whose true scores are all equal. Each training run differs from the truth by a normal
error; its standard deviation between seeds is the same for all cases of a suite, or log-normal. The text adds
to each difference the mean of 24 normal errors of stretches. Each case is compared with the next one, by
intervals that take the variance between seeds

- as it was observed (`own`; with one seed: as zero),
- moderated by the prior that textgen ships (`shipped`; what single comparisons do), or
- moderated by a prior that is fitted to the suite (`fitted`; what suites do).

The result is the share of intervals that hold the truth: of all, of the narrowest tenth of each suite, and of
the tenth of comparisons whose runs differ most from seed to seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from textgen.cli.console import print_rows
from textgen.evaluation.seed_priors import SHIPPED_PRIORS, SeedPrior, fit_prior
from textgen.runtime.environment import versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json

RESULT = Path(__file__).parents[1] / "results" / "seed_intervals.json"
SHIPPED = SHIPPED_PRIORS["bits_per_char"]
NUM_CASES = 60
NUM_STRETCHES = 24
NUM_SEEDS = (1, 3, 5)
SEED_SD = 0.015
LOG_SDS = (0.0, 0.5)
"""Standard deviations of the logarithm of the standard deviation between seeds, over the cases of a suite."""
TEXT_ERRORS = (0.0, 0.002, 0.004, 0.008)
"""Standard errors of a difference due to the text."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One kind of suite, and how its intervals fare."""

    num_seeds: int
    log_sd: float
    text_error: float
    method: str
    coverage: float
    narrowest_tenth: float
    noisiest_tenth: float
    half_width: tuple[float, float, float]
    """The 5th, 50th and 95th percentile."""


@dataclass(frozen=True)
class Suites:
    """Simulated suites; a comparison is of a case with the next one."""

    scores: Array
    """[suites, cases, seeds]"""
    text: Array
    """Errors of stretches in each comparison, [suites, cases, stretches]."""
    seed_sds: Array
    """The true standard deviation between seeds, [suites, cases]."""

    def only(self, index: int) -> Suites:
        """Return one of the suites."""
        rows = slice(index, index + 1)
        return Suites(self.scores[rows], self.text[rows], self.seed_sds[rows])

    def differences(self) -> Array:
        """Return the difference that each comparison finds, [suites, cases]."""
        means = self.scores.mean(-1)
        return np.asarray(means - following(means) + self.text.mean(-1))


def draw(
    generator: np.random.Generator, num_suites: int, num_seeds: int, log_sd: float, error: float
) -> Suites:
    """Return simulated suites."""
    seed_sds = SEED_SD * np.exp(log_sd * generator.normal(size=(num_suites, NUM_CASES)))
    scores = seed_sds[..., None] * generator.normal(size=(num_suites, NUM_CASES, num_seeds))
    stretch_sd = error * np.sqrt(NUM_STRETCHES)
    return Suites(scores, stretch_sd * generator.normal(size=(*seed_sds.shape, NUM_STRETCHES)), seed_sds)


def following(values: Array) -> Array:
    """Return what the next case has, [suites, cases]."""
    return np.roll(values, -1, axis=1)


def half_widths(suites: Suites, prior: SeedPrior | None) -> Array:
    """Return the half-width of each comparison's interval, as `intervals.difference` does, [suites, cases].

    Without a prior the variances between seeds are those observed, each with degrees of freedom of its own.
    """
    observed = suites.scores.shape[-1] - 1
    own = suites.scores.var(-1, ddof=1) if observed else np.zeros(suites.seed_sds.shape)
    known = prior.degrees_of_freedom if prior else 0.0
    moderated = (known * prior.sd**2 + observed * own) / (known + observed) if prior else own
    sides = np.stack([moderated, following(moderated)]) / (observed + 1)
    seeds = sides.sum(0)
    number = NUM_STRETCHES
    text = np.square(np.diff(suites.text)).sum(-1) / (2 * (number - 1) * number)
    doubt = text**2 * (3 * number - 4) / (2 * (number - 1) ** 2)
    if prior:
        doubt = doubt + seeds**2 / (known + observed)
    elif observed:
        doubt = doubt + (sides**2).sum(0) / observed
    total = seeds + text
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.where(doubt > 0, total**2 / doubt, 1.0)
    return np.asarray(student.ppf(0.975, degrees) * np.sqrt(total))


def priors(suites: Suites) -> dict[str, list[SeedPrior | None]]:
    """Return the prior of each suite by each method; one seed per case cannot tell what to fit."""
    num_suites, num_cases, num_seeds = suites.scores.shape
    found: dict[str, list[SeedPrior | None]] = {
        "own": [None] * num_suites,
        "shipped": [SHIPPED] * num_suites,
        "shipped, with the true sd": [replace(SHIPPED, sd=SEED_SD)] * num_suites,
    }
    if num_seeds > 1:
        observed = suites.scores.var(-1, ddof=1).tolist()
        found["fitted"] = [fit_prior(each, [num_seeds - 1] * num_cases, SHIPPED) for each in observed]
    return found


def cells(num_suites: int) -> Iterator[Cell]:
    """Yield each kind of suite by each method."""
    generator = np.random.default_rng(0)
    for num_seeds, log_sd, error in product(NUM_SEEDS, LOG_SDS, TEXT_ERRORS):
        suites = draw(generator, num_suites, num_seeds, log_sd, error)
        spread = np.hypot(suites.seed_sds, following(suites.seed_sds))
        for method, prior_of_suites in priors(suites).items():
            widths = np.concatenate(
                [half_widths(suites.only(index), prior) for index, prior in enumerate(prior_of_suites)]
            )
            held = np.abs(suites.differences()) <= widths
            low, middle, high = np.quantile(widths, (0.05, 0.5, 0.95)).round(4).tolist()
            yield Cell(
                num_seeds=num_seeds,
                log_sd=log_sd,
                text_error=error,
                method=method,
                coverage=round(float(held.mean()), 4),
                narrowest_tenth=first_tenth(held, widths),
                noisiest_tenth=first_tenth(held, -spread),
                half_width=(low, middle, high),
            )


def first_tenth(held: NDArray[np.bool_], order: Array) -> float:
    """Return the share of intervals that hold the truth among the tenth of each suite that comes first."""
    first = np.argsort(order, axis=1)[:, : order.shape[1] // 10]
    return round(float(np.take_along_axis(held, first, axis=1).mean()), 4)


def main() -> None:
    """Simulate, print a table and save the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=400, help="simulated suites of each kind")
    parser.add_argument("--json", type=Path, default=RESULT)
    arguments = parser.parse_args()
    found = list(cells(arguments.suites))
    print_rows([asdict(cell) for cell in found])
    result = {
        "schema_version": SCHEMA_VERSION,
        "command": "python -m textgen_benchmarks.seed_intervals",
        "num_suites": arguments.suites,
        "num_cases": NUM_CASES,
        "num_stretches": NUM_STRETCHES,
        "seed_sd": SEED_SD,
        "shipped_prior": SHIPPED,
        "versions": versions(),
        "cells": found,
    }
    write_file(arguments.json, to_json(result))


if __name__ == "__main__":
    main()
