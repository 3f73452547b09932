"""The picture of what suites found: every effect at its place, the same file for the same results."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.suites import effect, question, suite_result
from textgen_benchmarks.figures import WIDEST, draw_effects, write_picture
from textgen_suites.result import SuiteResult


def result(corpus: str, *values: float) -> SuiteResult:
    effects = [effect(f"size {number}", value) for number, value in enumerate(values)]
    return suite_result(corpus, question("size", [], effects), question("nothing to compare", [], []))


def test_each_effect_is_in_the_row_of_its_case_with_its_interval() -> None:
    (axes,) = draw_effects([result("novel", -0.2, 0.1, 3.0), result("play", -0.3, 0.2, -4.0)]).axes
    rows = {
        label.get_text(): place
        for label, place in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
    }
    assert list(rows) == ["size 0", "size 1", "size 2"]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in points] == [-0.2, 0.1, -0.3, 0.2]
    assert [round(float(line.get_ydata()[0])) for line in points] == [rows["size 0"], rows["size 1"]] * 2
    intervals = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 1.2]
    assert intervals[0] == pytest.approx([-0.3, -0.1])
    arrows = [(line.get_marker(), line.get_xdata()[0]) for line in axes.lines if line.get_marker() in "<>"]
    assert arrows == [(">", WIDEST), ("<", -WIDEST)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["novel, 5s", "play, 5s"]


def test_the_same_results_are_the_same_file(tmp_path: Path) -> None:
    for name in ("first.svg", "second.svg"):
        write_picture([result("novel", -0.2, 0.1)], tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
