"""The choice of the next trial, by a tree-structured Parzen estimator; and of those that are pruned."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from textgen.results.study import Value
from textgen.tuning.search_space import Dimension

NUM_RANDOM = 10
"""Trials that are drawn at random before the estimator starts."""
ONLY_RANDOM = 10**9
"""More startup trials than any study has: pure random search."""
MAX_DRAWS = 50
"""Times that the estimator is asked for a new combination before one is drawn at random."""


class RoundedTPE(TPESampler):
    """TPE (Bergstra et al. 2011; multivariate as in Falkner et al. 2018) over the grids of dimensions.

    Values are rounded before they are tried, so that the printed values are the measured ones. Trials that
    run in other processes count as bad meanwhile (the constant liar), so that processes spread out.
    """

    def __init__(
        self,
        searched: Sequence[Dimension],
        tried: Sequence[Mapping[str, Value]],
        seed: int,
        num_random: int = NUM_RANDOM,
    ) -> None:
        with warnings.catch_warnings():  # both have been "experimental" for years
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(n_startup_trials=num_random, multivariate=True, constant_liar=True, seed=seed)
        self._searched = searched
        self._tried = {tuple(params.get(each.name) for each in searched) for params in tried}
        self._generator = np.random.default_rng(seed)

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002 - Optuna's signature
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Return all dimensions: they are known, whatever earlier trials had."""
        return {each.name: each.distribution() for each in self._searched}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that no earlier trial had, as long as there are any."""
        for draw in range(MAX_DRAWS + 100 * num_combinations(self._searched)):
            if draw < MAX_DRAWS:
                drawn = super().sample_relative(study, trial, search_space) or {
                    name: self.sample_independent(study, trial, name, distribution)
                    for name, distribution in search_space.items()
                }
            else:
                drawn = {each.name: self._any(each) for each in self._searched}
            params = {each.name: each.nearest(drawn[each.name]) for each in self._searched}
            if tuple(params.values()) not in self._tried:
                break
        return params

    def _any(self, dimension: Dimension) -> Value:
        return dimension.grid[int(self._generator.integers(len(dimension.grid)))]


def num_combinations(searched: Sequence[Dimension]) -> int:
    """Return the number of different trials that are possible."""
    return math.prod(len(each.grid) for each in searched)


def median_pruner() -> BasePruner:
    """Return the rule that ends a trial whose curve is above the median of the others' at that step.

    It needs nothing but curves of equal length, which all trials have under one budget: successive halving
    would need many more trials than a laptop makes in an hour, Wilcoxon's test pairs of problems. The first
    three tenths of the budget say little, since the learning rate has just risen.
    """
    return MedianPruner(n_startup_trials=5, n_warmup_steps=30, n_min_trials=3)
