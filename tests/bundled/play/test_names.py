"""Short names of the runs on the live page."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="needs the extra play")

from textgen_play.page import short_names


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (
            [("char-lstm:snapshots=true", 0, "a"), ("word-lstm:hidden_size=64", 0, "a")],
            "char-lstm; word-lstm",
        ),
        ([("lstm:num_layers=1,dropout=0", 0, "a"), ("lstm:dropout=0", 1, "a")], "lstm:num_layers=1; lstm"),
        (
            [("lstm", 0, "a"), ("lstm", 1, "a"), ("lstm", 1, "b")],
            "lstm on a, seed 0; lstm on a, seed 1; lstm on b",
        ),
        ([("lstm", 0, "a"), ("lstm", 0, "a"), ("gru", 0, "a")], "lstm (1); lstm (2); gru"),
    ],
)
def test_a_name_has_what_differs_and_no_more(runs: list[tuple[str, int, str]], names: str) -> None:
    told = short_names([{"entry": entry, "seed": seed, "text": text} for entry, seed, text in runs])
    assert "; ".join(told) == names
