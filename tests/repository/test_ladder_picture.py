"""The picture of ladders: a panel for each text, a line for each entry that is trained."""

from __future__ import annotations

from pathlib import Path

from helpers.ladders import BUDGETS, laddered
from textgen.runtime.storage.json_records import to_json
from textgen_benchmarks.ladder_picture import draw_ladders, write_picture
from textgen_benchmarks.tables import filled

SCORES = {"char": (2.0, 1.9, 1.85), "word": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)}


def test_each_text_has_a_panel_with_the_scores_over_the_budget() -> None:
    figure = draw_ladders([laddered(SCORES)] * 3)
    assert len(figure.axes) == 3
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == list(BUDGETS)
    handles, names = axes.get_legend_handles_labels()
    assert names == ["word", "char"]
    assert list(handles[0].lines[0].get_ydata()) == [2.1, 1.8, 1.7]
    assert list(handles[0].lines[0].get_xdata()) == [15, 60, 240]


def test_the_same_picture_over_the_characters_read() -> None:
    (axes,) = draw_ladders([laddered(SCORES)], "characters").axes
    handles, _ = axes.get_legend_handles_labels()
    assert list(handles[0].lines[0].get_xdata()) == [1e6, 4e6, 16e6]


def test_the_same_results_are_the_same_file(tmp_path: Path) -> None:
    for name in ("first.svg", "second.svg"):
        write_picture([laddered(SCORES)], tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_the_page_of_results_has_the_scores_of_ladders(tmp_path: Path) -> None:
    (tmp_path / "ladder-wiki.json").write_text(to_json(laddered(SCORES)))
    page = filled("words\n<!-- ladder-wiki -->\nold\n<!-- end -->\n", tmp_path)
    assert "old" not in page
    assert "**wiki**: At 4m: word predicts the test text best" in page
    assert "15s → 1m" in page
    assert filled(page, tmp_path) == page
