"""How small a difference between the two best entries is called clear, and which seeds would halve that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.reports import compared, drawn, entry, report, result
from textgen.evaluation.intervals import MeasuredValue, SeedPrior, measured_ratio
from textgen.reports.answer import answer, resolution
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html
from textgen.results.judge import rank_entries, resolution_of

PRIOR = SeedPrior(0.01, 4, "a test")
NUM_UNITS = 24
PASSAGES = 0.01
"""Standard deviation between passages of one entry's score; of the mean of 24 it is 0.002."""
WITHIN = 0.01
"""The same within the passages of one seed."""


def draw(
    generator: np.random.Generator, truths: list[float], num_seeds: int, passages: float = PASSAGES
) -> dict[str, MeasuredValue]:
    """Entries with these true scores, whose seeds vary as much as the prior says."""
    text = generator.normal(2, 0.1, NUM_UNITS)  # how hard each passage is, for all
    drawn = {}
    for index, truth in enumerate(truths):
        rows = text + generator.normal(truth, passages, NUM_UNITS)
        rows = rows + generator.normal(0, PRIOR.sd, (num_seeds, 1))
        rows = rows + generator.normal(0, WITHIN, (num_seeds, NUM_UNITS))
        sizes = np.full(rows.shape, 100.0)
        drawn[str(index)] = measured_ratio(rows * 100, sizes, "text", range(num_seeds), PRIOR)
    return drawn


def smallest(samples: dict[str, MeasuredValue]) -> float:
    found = resolution_of(samples)
    assert found is not None
    return found.smallest_clear


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_the_difference_of_the_two_best_is_clear_if_it_is_larger(num_seeds: int) -> None:
    generator = np.random.default_rng(num_seeds)
    verdicts = []
    for _ in range(150):
        truths = generator.choice([0, 0.02, 0.05, 0.2], generator.integers(2, 6)).tolist()
        samples = draw(generator, truths, num_seeds)
        nearest = rank_entries(samples)[1][0]
        verdicts.append(nearest.is_clear)
        assert nearest.is_clear == (nearest.bits_per_char > smallest(samples))
    assert 0.1 < np.mean(verdicts) < 0.9


def test_seeds_do_not_halve_what_passages_leave_open() -> None:
    found = resolution_of(draw(np.random.default_rng(0), [0, 0], 3, passages=0.1))
    assert found is not None
    assert found.num_seeds_for_half is None


def test_it_is_unknown_for_one_entry_one_passage_or_without_variance() -> None:
    samples = draw(np.random.default_rng(0), [0, 0], 1)
    single = {name: replace(each, pseudovalues=each.pseudovalues[:, :1]) for name, each in samples.items()}
    certain = {
        name: replace(each, pseudovalues=np.ones((1, NUM_UNITS)), prior=None)
        for name, each in samples.items()
    }
    for unknown in ({}, {"0": samples["0"]}, single, certain):
        assert resolution_of(unknown) is None


def test_reports_say_it_below_the_answer() -> None:
    rows = [entry("a", 2.0), entry("b", 2.001)]
    for row in rows:  # whose seeds differ much, since they are hardly trained
        row["train"]["num_chars"] = 100_000
    found, what = compared(*rows), result(*rows)
    assert found.resolution is not None
    smallest_clear, number = found.resolution.smallest_clear, found.resolution.num_seeds_for_half
    line = (
        f"A true difference of {smallest_clear:.3f} bits per character between the two best would be "
        f"detected about half of the time. To detect half of that, train each with {number} seeds."
    )
    assert resolution(found) == line
    assert report(what).split("\n")[4] == line
    assert line in drawn(what, 300)
    assert drawn(what, 300, full=False).split("\n")[:2] == [answer(found), line]
    assert f"<p>{line}</p>\n" in to_html(bench_report(found))
    passages = replace(found, resolution=replace(found.resolution, num_seeds_for_half=None))
    assert "half of that, hold out more text" in resolution(passages)
    tiny = replace(found, resolution=replace(found.resolution, smallest_clear=0.000123))
    assert "difference of 0.0001 bits" in resolution(tiny)
