"""Times in words."""

from __future__ import annotations

import pytest

from textgen.runtime.messages import about, clock


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds"),
        (42, "about 40 s"),
        (100, "about 2 min"),
        (245, "about 4 min"),
        (3599, "about 1 h"),
        (5000, "about 1 h 23 min"),
    ],
)
def test_a_forecast_is_no_more_exact_than_it_can_be(seconds: float, words: str) -> None:
    assert about(seconds) == words


def test_a_clock_has_minutes_and_seconds() -> None:
    assert [clock(seconds) for seconds in (0.9, 65, 3600)] == ["0:00", "1:05", "60:00"]
