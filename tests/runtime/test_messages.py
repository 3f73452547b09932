"""Error messages: one line of bounded length, with the nearest match for an unknown name."""

from __future__ import annotations

import pytest

from textgen.runtime.messages import MAX_MESSAGE_CHARS, about, one_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 9999), f"ValueError: {'x' * MAX_MESSAGE_CHARS}…"),
    ],
    ids=["lines", "empty", "long"],
)
def test_an_error_is_its_type_and_its_message_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
    assert one_line(error, with_type=False) == line.removeprefix("ValueError: ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds"),
        (43, "about 45 s"),
        (100, "about 1.5 min"),
        (245, "about 4 min"),
        (641, "about 11 min"),
        (3599, "about 1 h"),
        (5000, "about 1 h 23 min"),
    ],
)
def test_a_forecast_is_no_more_exact_than_it_can_be(seconds: float, words: str) -> None:
    assert about(seconds) == words
