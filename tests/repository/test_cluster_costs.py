"""What a cluster costs: medians of repetitions, with and without its start."""

from __future__ import annotations

import pytest

from textgen_benchmarks.cluster import row, shown


def test_ratios_are_those_of_each_repetition() -> None:
    found = row(40, 2.0, [(10.0, 11.0, 1.0), (20.0, 20.0, 10.0), (10.0, 13.0, 2.0)])
    assert (found.here, found.there, found.start) == (10.0, 13.0, 2.0)
    assert found.ratio == pytest.approx(1.1)
    assert found.ratio_range == pytest.approx((1.0, 1.3))
    assert found.whole_ratio == pytest.approx(1.5)
    assert shown(found)["ratio"] == "1.10 (1.00-1.30)"
