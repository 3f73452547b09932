"""Entries are ranked by their scores, and compared with the best on the same text."""

from __future__ import annotations

import numpy as np
import pytest

from textgen.comparison.bench import compare


def test_differences_are_paired_and_against_the_best() -> None:
    noise = np.random.default_rng(0).gamma(4, 250, 40)  # bits of 40 segments of 500 characters
    entries = {"worse": [noise + 50], "best": [noise], "same": [noise.copy()]}
    scores, differences = compare(entries, 20_000)
    assert [score.name for score in scores] == ["best", "same", "worse"]
    by_name = {difference.b: difference for difference in differences}
    assert {difference.a for difference in differences} == {"best"}
    assert by_name["worse"].bits_per_char == pytest.approx(0.1)
    assert by_name["worse"].interval == pytest.approx((0.1, 0.1))  # the noise that both share drops out
    assert (by_name["same"].bits_per_char, by_name["same"].interval) == (0.0, (0.0, 0.0))


def test_fewer_than_two_entries_have_no_difference() -> None:
    assert compare({}, 100) == ((), ())
    scores, differences = compare({"only": [np.ones(50)]}, 100)
    assert (len(scores), differences) == (1, ())


def test_seeds_that_differ_make_a_difference_less_clear() -> None:
    noise = np.random.default_rng(0).gamma(4, 250, 40)
    calm = {"a": [noise, noise + 0.1], "b": [noise + 10, noise + 10.1]}
    wild = {"a": [noise, noise + 60], "b": [noise + 70, noise + 10]}
    widths = []
    for entries in (calm, wild):
        ((low, high),) = (difference.interval for difference in compare(entries, 20_000)[1])
        widths.append(high - low)
    assert widths[1] > 5 * widths[0]
