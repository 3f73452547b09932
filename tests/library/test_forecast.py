"""The forecast of the time that is left follows the pace of the work so far."""

from __future__ import annotations

import pytest

from textgen.library.forecast import Forecast
from textgen.training.progress import Step


def starting(entry: str, left: float, after: float) -> Step:
    return Step("starting", entry, seconds_left=left, seconds_after=after)


def test_it_is_what_was_expected_until_something_is_known() -> None:
    forecast = Forecast()
    assert forecast.seconds_left(0.0) is None
    forecast.take(Step("preparing the text", seconds_left=20.0), 0.0)
    assert forecast.seconds_left(5.0) == pytest.approx(15)
    forecast.take(starting("a", 20, 10), 6.0)
    assert forecast.seconds_left(6.0) == pytest.approx(20)


def test_what_took_longer_makes_the_rest_longer() -> None:
    forecast = Forecast()
    forecast.take(starting("a", 20, 10), 0.0)
    assert forecast.seconds_left(60.0) == pytest.approx(60)  # the first lasts six times as long already
    forecast.take(starting("b", 10, 2), 80.0)
    assert forecast.seconds_left(80.0) == pytest.approx(80)
    assert forecast.seconds_left(100.0) == pytest.approx(60)


def test_the_share_of_a_step_that_is_done_counts() -> None:
    forecast = Forecast()
    forecast.take(starting("a", 10, 0), 0.0)
    forecast.take(Step("scoring", "a"), 5.0)
    forecast.take(Step("scoring", "a", fraction=0.25), 15.0)
    assert forecast.seconds_left(15.0) == pytest.approx(30)
