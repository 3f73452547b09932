"""Error messages: one line of bounded length, with the nearest match for an unknown name."""

from __future__ import annotations

import pytest

from textgen.runtime.messages import (
    MAX_LINE_CHARS,
    MAX_MESSAGE_CHARS,
    one_line,
    shortened,
    unknown,
    with_article,
)


class MuteError(Exception):
    """Its message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (MuteError(), "MuteError"),
        (ValueError("x" * 9999), f"ValueError: {'x' * MAX_MESSAGE_CHARS}…"),
    ],
    ids=["lines", "empty", "mute", "long"],
)
def test_an_error_is_its_type_and_its_message_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
    assert one_line(error, with_type=False) == line.removeprefix("ValueError: ")


def test_long_names_and_values_lose_their_middle() -> None:
    assert shortened("two\n  lines") == "two lines"
    line = shortened(f"unknown model {'x' * 3000!r}; known: gru, lstm")
    assert line.startswith("unknown model 'xxx")
    assert line.endswith("xxx'; known: gru, lstm")
    assert len(line) < 150
    assert len(shortened("a word " * 1000)) == MAX_LINE_CHARS


def test_an_unknown_name_gets_the_nearest_one_and_the_list() -> None:
    known = ["lstm", "gru", "ngram"]
    assert unknown("model", "lstn", known) == (
        "unknown model 'lstn'; did you mean 'lstm'? known: gru, lstm, ngram"
    )
    assert unknown("model", "xyz", known) == "unknown model 'xyz'; known: gru, lstm, ngram"
    assert unknown("suite", "xyz", []) == "unknown suite 'xyz'; known: none"


def test_a_kind_gets_its_article() -> None:
    assert [with_article(kind) for kind in ("model", "embedding", "alias")] == (
        ["a model", "an embedding", "an alias"]
    )
