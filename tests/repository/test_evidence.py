"""The priors that textgen ships, and the tables of evidence, follow from what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.seeds import SeedResults, conclusions, fitted_decay

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="module")
def seeds() -> SeedResults:
    """The runs with several seeds, and what was concluded from them."""
    return read_record(SeedResults, RESULTS / "seeds.json")


def test_conclusions_follow_from_the_recorded_runs(seeds: SeedResults) -> None:
    priors, pairs = conclusions(seeds.groups)
    assert pairs == seeds.pairs
    for name, prior in priors.items():
        assert prior.sd == pytest.approx(seeds.priors[name].sd)
        assert prior.degrees_of_freedom == pytest.approx(seeds.priors[name].degrees_of_freedom)


def test_the_shipped_priors_are_the_measured_ones(seeds: SeedResults) -> None:
    assert SHIPPED_PRIORS.keys() == seeds.priors.keys()
    for name, prior in SHIPPED_PRIORS.items():
        assert prior.sd == pytest.approx(seeds.priors[name].sd, rel=0.05)
        assert prior.degrees_of_freedom == pytest.approx(seeds.priors[name].degrees_of_freedom, rel=0.05)
        assert prior.decay == pytest.approx(seeds.priors[name].decay, abs=0.01)
        assert prior.source.endswith("results/seeds.json")


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.6, 1.0])
def test_the_decay_of_variances_is_found_again(decay: float) -> None:
    generator = np.random.default_rng(0)
    more = np.repeat([1.0, 3.0, 10.0, 90.0], 400)
    variances = more ** (-2 * decay) * generator.chisquare(4, more.size) / 4
    assert fitted_decay(variances, more) == pytest.approx(decay, abs=0.03)
    assert fitted_decay(variances[:400], more[:400]) == 0


def test_few_pairs_of_one_entry_are_called_different(seeds: SeedResults) -> None:
    assert (
        sum(pairs.num_different for pairs in seeds.pairs)
        <= sum(pairs.num_pairs for pairs in seeds.pairs) / 20
    )
    for entry in {pairs.entry for pairs in seeds.pairs}:
        own = [pairs for pairs in seeds.pairs if pairs.entry == entry]
        assert sum(pairs.num_different_shipped for pairs in own) <= sum(pairs.num_pairs for pairs in own) / 15
