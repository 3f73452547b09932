"""Short names of the runs on the live page."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="needs the extra play")

from textgen_play.page import short_names


def names(*runs: tuple[str, int, str]) -> list[str]:
    return short_names([{"entry": entry, "seed": seed, "text": text} for entry, seed, text in runs])


def test_a_name_has_what_differs_and_no_more() -> None:
    assert names(("char-lstm:snapshots=true", 0, "a"), ("word-lstm:hidden_size=64", 0, "a")) == [
        "char-lstm",
        "word-lstm",
    ]
    assert names(("lstm:num_layers=1,dropout=0.1", 0, "a"), ("lstm:dropout=0.1,snapshots=true", 1, "a")) == [
        "lstm:num_layers=1",
        "lstm",
    ]
    assert names(("lstm", 0, "a"), ("lstm", 1, "a"), ("lstm", 1, "b")) == [
        "lstm on a, seed 0",
        "lstm on a, seed 1",
        "lstm on b",
    ]
    assert names(("lstm", 0, "a"), ("lstm", 0, "a"), ("gru", 0, "a")) == ["lstm (1)", "lstm (2)", "gru"]
