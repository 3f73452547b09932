"""The numbers of guesses of a reader: what they come to, and that the report tells."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import textgen
from textgen.results.guesses import GUESSES, bounds, guessed_by_reader
from textgen_play.live import keep_guesses


@pytest.mark.parametrize(
    ("guesses", "low", "high"),
    [
        ([1, 1, 1], 0.0, 0.0),
        ([1, 2, 1, 2], 1.0, 1.0),
        # q = 1/2, 1/4, 1/4: lower 2 (1/4 - 1/4) log2 2 + 3 (1/4) log2 3
        ([1, 1, 2, 3], 0.75 * math.log2(3), 1.5),
        ([5, 5, 9, 7], 0.75 * math.log2(3), 1.5),  # an ideal guesser has the shares in falling order
    ],
)
def test_the_bounds_are_those_of_shannon(guesses: list[int], low: float, high: float) -> None:
    assert bounds(guesses) == pytest.approx((low, high))


@pytest.mark.usefixtures("no_references")
def test_the_report_tells_what_readers_guessed(tmp_path: Path) -> None:
    text = textgen.load_corpus("lee", max_chars=4000)
    out = tmp_path / "bench"
    textgen.bench("random", text, samples=textgen.SampleOptions(sampler="greedy", length=20), out=out)
    (folder,) = (out / "runs").iterdir()
    run = textgen.load(folder)
    assert guessed_by_reader(out) == ""
    assert [keep_guesses(run, game) for game in ([1, 1, 2], [3])] == [1, 2]
    assert (out / GUESSES).exists()
    page = textgen.report(out).read_text("utf-8")
    assert "need between 1.189 and 1.500 bits per character" in page
    (out / GUESSES).write_text((out / GUESSES).read_text().replace("3", "4"))
    with pytest.raises(textgen.TextgenError, match=r"guesses\.json"):
        textgen.report(out)
