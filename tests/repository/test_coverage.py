"""The simulations of coverage count rightly, and their recorded results reach what is promised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textgen.data.corpus import load_corpus
from textgen.evaluation.intervals import MeasuredValue, difference, measured_ratio
from textgen.runtime.device import choose_device
from textgen_benchmarks.coverage import (
    METHODS,
    RESULT,
    SIZES,
    Drawn,
    contiguous,
    measure,
    spread_at_random,
    spread_evenly,
    table,
)
from textgen_benchmarks.population import Population, Stretches
from textgen_benchmarks.seed_intervals import RESULT as SEED_RESULT
from textgen_benchmarks.seed_intervals import SHIPPED, draw, half_widths

PAGE = RESULT.parents[1] / "README.md"


def stretches(num_stretches: int) -> Stretches:
    """Independent stretches of 10 blocks of 500 characters, for two entries that find the same ones hard."""
    generator = np.random.default_rng(0)
    chars = np.full((num_stretches, 10), 500.0)
    rates = generator.normal(2, 0.2, (1, num_stretches, 1)) + generator.normal(0, 0.02, (2, num_stretches, 1))
    return Stretches(np.repeat(rates, 10, axis=2) * chars, chars)


def test_designs_take_one_stretch_of_each_slice_or_consecutive_ones() -> None:
    for draws in (spread_at_random(10, np.random.default_rng(0)), spread_evenly(10)):
        assert (draws // 10 == np.arange(24)).all()
    assert (np.diff(contiguous(240)) == 1).all()
    assert contiguous(240).max() == 239


def test_coverage_of_independent_stretches_is_95_percent_but_not_by_a_bootstrap_of_their_blocks() -> None:
    population = stretches(2400)
    draws = spread_at_random(100, np.random.default_rng(0))
    drawn = Drawn(population, draws, 0.01)
    for method in ("neighbours", "t"):
        found = measure("text", 120_000, "spread at random", drawn, method)
        assert 0.92 < min(found.scores) <= max(found.scores) < 0.98
        assert found.score_half_width == pytest.approx(2.1 * 0.2 / 24**0.5, rel=0.1)
        assert found.score_error == pytest.approx(0.2 / 24**0.5, rel=0.1)
        assert found.difference_half_width < found.score_half_width / 5
    few = Drawn(population, draws[:100], 0.01)
    assert measure("text", 120_000, "spread at random", few, "bootstrap").scores[0] < 0.7


def test_differences_of_pairs_have_the_intervals_of_differences() -> None:
    found = stretches(24)
    ends = METHODS["neighbours"](found.bits, found.chars)
    sides: list[MeasuredValue] = [
        measured_ratio(bits.sum(-1)[None], found.chars.sum(-1)[None], "text", (0,), None)
        for bits in found.bits
    ]
    expected = difference(sides[0], sides[1])
    assert expected.interval is not None
    assert ends[2] == pytest.approx((expected.value, *expected.interval))


def test_a_population_is_scored_in_full(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(load_corpus(["lee"], max_chars=30_000).text[:], "utf-8")
    entries, folder = ("char-uniform", "word-ngram"), tmp_path / "scores"
    population = Population.of(str(path), entries, "1epochs", choose_device("cpu"), folder)
    assert len(population.text) == pytest.approx(0.68 * 30_000, rel=0.1)
    tiles = population.tiles(20)
    assert tiles.chars.sum() == len(population.text)
    rates = tiles.bits.sum((1, 2)) / tiles.chars.sum()
    assert 5 < rates[0] < 8  # about the logarithm of the number of characters
    assert 1 < rates[1] < rates[0]
    np.testing.assert_array_equal(population.tiles(20).bits, tiles.bits)
    assert len(list(folder.rglob("*.npy"))) == len(entries)
    again = Population.of(str(path), entries, "1epochs", choose_device("cpu"), folder)
    np.testing.assert_array_equal(again.tiles(20).bits, tiles.bits)
    assert not again.trained


def test_simulated_intervals_over_seeds_are_those_of_differences() -> None:
    suites = draw(np.random.default_rng(0), 1, 3, 0.5, 0.004)
    widths = half_widths(suites, SHIPPED)[0]
    for case in range(5):
        new, old = (
            MeasuredValue(scores, scores[:, None] + np.zeros(24), "text", (0, 1, 2), SHIPPED)
            for scores in (suites.scores[0, case], suites.scores[0, case + 1])
        )
        new = MeasuredValue(new.values, new.pseudovalues + suites.text[0, case], "text", new.seeds, SHIPPED)
        found = difference(new, old)
        assert found.interval is not None
        assert (found.interval[1] - found.interval[0]) / 2 == pytest.approx(widths[case])


def recorded(path: Path, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))[key]
    return found


def test_recorded_intervals_of_spread_stretches_cover_95_percent_and_those_of_one_passage_do_not() -> None:
    designs = recorded(RESULT, "designs")
    now = [
        each for each in designs if (each["design"], each["interval"]) == ("spread at random", "neighbours")
    ]
    assert len(now) == 3 * len(SIZES)
    for each in now:
        for lowest, mean in (each["scores"], each["differences"]):
            assert 0.93 <= lowest <= mean <= 0.98
    for each in designs:
        if each["design"] == "contiguous":
            assert max(*each["scores"], *each["differences"]) < 0.7


def test_recorded_intervals_of_suites_cover_90_percent_where_they_are_narrowest() -> None:
    cells = recorded(SEED_RESULT, "cells")
    fitted = [each for each in cells if each["method"] == "fitted"]
    assert len(fitted) == 16
    assert min(each["narrowest_tenth"] for each in fitted) >= 0.9
    assert min(each["coverage"] for each in fitted) >= 0.93


def test_the_table_of_the_page_is_that_of_the_result() -> None:
    lines = table(recorded(RESULT, "designs"))
    assert len(lines) == 2 + 3 * len(SIZES)
    assert "\n".join(lines) in PAGE.read_text("utf-8")


def percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def test_the_shares_on_the_page_are_those_of_the_results() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    designs = recorded(RESULT, "designs")

    def extremes(design: str, interval: str) -> str:
        found = [each for each in designs if (each["design"], each["interval"]) == (design, interval)]
        shares = [share for each in found for key in ("scores", "differences") for share in each[key]]
        return f"{percent(min(shares))} to {percent(max(shares))}"

    assert f"with Student's t it still covers {extremes('contiguous', 't')}" in page
    assert f"Student's t over spread stretches covers {extremes('spread at random', 't')}" in page
    assert f"which intervals now use, {extremes('spread at random', 'neighbours')}" in page
    even = [each for each in designs if (each["design"], each["interval"]) == ("spread evenly", "neighbours")]
    number = sum(each["num_draws"] for each in even)
    scores, differences = (
        percent(sum(each["num_draws"] * each[key][1] for each in even) / number)
        for key in ("scores", "differences")
    )
    assert f"Of all {number}, {scores} of the intervals of scores and {differences} of those of diff" in page


def test_the_shares_of_simulated_suites_on_the_page_are_those_of_the_result() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    cells = [each for each in recorded(SEED_RESULT, "cells") if each["num_seeds"] == 3]

    def extremes(method: str, key: str) -> str:
        shares = [each[key] for each in cells if each["method"] == method]
        return f"{percent(min(shares))} to {percent(max(shares))}"

    observed, fitted = (
        (extremes(method, "coverage"), extremes(method, "narrowest_tenth")) for method in ("own", "fitted")
    )
    assert f"cover {observed[0]}, but their narrowest tenth {observed[1]}" in page
    assert f"fitted to the suite, {fitted[0]} and {fitted[1]}" in page
    noisiest = min(each["noisiest_tenth"] for each in cells if each["method"] == "fitted")
    assert f"the noisiest tenth of cases covers {percent(noisiest)}" in page
