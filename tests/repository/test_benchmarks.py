"""The page of results, its figures and the priors that textgen ships follow from recorded results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.ladders import laddered
from helpers.pages import ROOT, read_page
from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.runtime.storage.json_records import read_record
from textgen_ask.predict import read_table
from textgen_benchmarks import figures
from textgen_benchmarks.advice import AdviceResults, table_of
from textgen_benchmarks.results_page import WORDS, page
from textgen_benchmarks.seeds import SeedResults, conclusions, fitted_decay
from textgen_benchmarks.spelling import ENTRIES, SpellingResults
from textgen_suites.result import SuiteResult

BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
SCORES = {"char": (2.0, 1.9, 1.85), "word": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)}


def test_the_page_is_that_of_the_results() -> None:
    written = "\n".join(page(RESULTS))
    assert written == read_page("benchmarks/RESULTS.md"), "run python -m textgen_benchmarks.results_page"


def test_the_same_results_are_drawn_into_the_same_file(tmp_path: Path) -> None:
    suite = read_record(SuiteResult, RESULTS / "improvements-wiki.json")
    details = read_record(Details, RESULTS / f"{WORDS}.json")
    for name in ("first", "second"):
        for kind, figure in (
            ("", figures.draw_effects([suite])),
            ("-ladder", figures.draw_ladders([laddered(SCORES)] * 3)),
            ("-words", figures.draw_words(details)),
            ("-leads", figures.draw_leads(RESULTS)),
        ):
            figures.write_picture(figure, tmp_path / f"{name}{kind}.svg")
    for kind, label in (
        ("", "word, GloVe"),
        ("-ladder", "word"),
        ("-words", "temperature"),
        ("-leads", "neither counts"),
    ):
        drawn = (tmp_path / f"first{kind}.svg").read_bytes()
        assert label.encode() in drawn
        assert drawn == (tmp_path / f"second{kind}.svg").read_bytes()


def test_the_bits_of_words_and_spellings_sum_to_the_recorded_scores() -> None:
    benches = [read_record(Comparison, RESULTS / f"bench-{name}.json") for name in ("wiki", "moby")]
    scores = {
        (each.corpus.name, score.name): score.bits_per_char for each in benches for score in each.scores
    }
    rows = read_record(SpellingResults, RESULTS / "spelling.json").rows
    assert len(rows) == 2 * len(ENTRIES)
    for row in rows:
        assert sum(row.bits.values()) == pytest.approx(scores[row.text, row.entry], abs=1e-4)


@pytest.fixture(scope="module")
def seeds() -> SeedResults:
    return read_record(SeedResults, RESULTS / "seeds.json")


def test_the_shipped_priors_follow_from_the_recorded_runs(seeds: SeedResults) -> None:
    priors, pairs = conclusions(seeds.groups)
    assert pairs == seeds.pairs
    assert SHIPPED_PRIORS.keys() == priors.keys()
    for name, prior in SHIPPED_PRIORS.items():
        assert priors[name].sd == pytest.approx(seeds.priors[name].sd)
        assert prior.sd == pytest.approx(priors[name].sd, rel=0.05)
        assert prior.degrees_of_freedom == pytest.approx(priors[name].degrees_of_freedom, rel=0.05)
        assert prior.decay == pytest.approx(priors[name].decay, abs=0.01)
    assert sum(each.num_different for each in pairs) <= sum(each.num_pairs for each in pairs) / 20


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.6, 1.0])
def test_the_decay_of_variances_is_found_again(decay: float) -> None:
    generator = np.random.default_rng(0)
    more = np.repeat([1.0, 3.0, 10.0, 90.0], 400)
    variances = more ** (-2 * decay) * generator.chisquare(4, more.size) / 4
    assert fitted_decay(variances, more) == pytest.approx(decay, abs=0.03)
    assert fitted_decay(variances[:400], more[:400]) == 0


def test_the_table_of_ask_is_fitted_to_the_recorded_runs() -> None:
    machines = [read_record(AdviceResults, path) for path in sorted(RESULTS.glob("advice*.json"))]
    fitted, shipped = table_of(machines), read_table()
    assert fitted.fits.keys() == shipped.fits.keys()
    for level, fit in fitted.fits.items():
        assert fit.coefficients == pytest.approx(shipped.fits[level].coefficients, abs=1e-9)
        assert fit.sd == pytest.approx(shipped.fits[level].sd, abs=1e-9)
