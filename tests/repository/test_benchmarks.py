"""The page of results, its figures and the priors that textgen ships follow from recorded results."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from helpers.ladders import laddered
from helpers.pages import ROOT, read_page
from helpers.suites import case, effect, question, suite_result
from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.runtime.storage.json_records import read_record, to_json
from textgen_benchmarks import figures, ladder_picture
from textgen_benchmarks.seeds import SeedResults, conclusions, fitted_decay
from textgen_benchmarks.tables import filled

BENCHMARKS = ROOT / "benchmarks"
RESULTS = BENCHMARKS / "results"
SCORES = {"char": (2.0, 1.9, 1.85), "word": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)}


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "textgen_benchmarks").glob("*.py")), ids=str)
def test_a_program_can_be_imported(path: Path) -> None:
    importlib.import_module(f"textgen_benchmarks.{path.stem}".removesuffix(".__init__"))


# --- tables


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    page = read_page("benchmarks/README.md")
    assert filled(page, RESULTS) == page, "run python -m textgen_benchmarks.tables"


def test_several_texts_are_side_by_side_and_missing_values_are_dashes(tmp_path: Path) -> None:
    for name, labels in (("one", ("small", "large", "huge")), ("two", ("small", "large"))):
        cases = [case(label, 2.5 - 0.5 * number) for number, label in enumerate(labels)]
        effects = [effect(label, -0.5, paired=False) for label in labels[1:]]
        (tmp_path / f"{name}.json").write_text(to_json(suite_result(name, question("size", cases, effects))))
    page = filled("words\n<!-- suite one two -->\nold\n<!-- end -->\nmore words\n", tmp_path)
    assert page.startswith("words\n<!-- suite one two -->\n|")
    assert page.endswith("|\n<!-- end -->\nmore words\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if "|" in line]
    assert rows[0][2:] == ["one, 5s", "change", "two, 5s", "change"]
    change = "**-0.500** (-0.600 to -0.400) †"
    assert rows[2][1:] == ["large", "2.000", change, "2.000", change]
    assert rows[3][1:] == ["huge", "1.500", change, "–", ""]
    assert filled(page, tmp_path) == page


def test_the_page_has_the_scores_of_ladders(tmp_path: Path) -> None:
    (tmp_path / "ladder.json").write_text(to_json(laddered(SCORES)))
    page = filled("words\n<!-- ladder ladder -->\nold\n<!-- end -->\n", tmp_path)
    assert "**wiki**: At 4m: word predicts the test text best" in page
    assert "old" not in page


# --- figures


def test_each_effect_is_in_the_row_of_its_case_with_its_interval(tmp_path: Path) -> None:
    results = [
        suite_result(
            corpus, question("size", [], [effect(f"size {n}", each) for n, each in enumerate(values)])
        )
        for corpus, values in (("novel", (-0.2, 0.1, 3.0)), ("play", (-0.3, 0.2, -4.0)))
    ]
    (axes,) = figures.draw_effects(results).axes
    places = axes.get_yticks()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["size 0", "size 1", "size 2"]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in points] == [-0.2, 0.1, -0.3, 0.2]
    assert [round(float(line.get_ydata()[0])) for line in points] == [*places[:2], *places[:2]]
    arrows = [(line.get_marker(), line.get_xdata()[0]) for line in axes.lines if line.get_marker() in "<>"]
    assert arrows == [(">", figures.WIDEST), ("<", -figures.WIDEST)]
    for name in ("first.svg", "second.svg"):
        figures.write_picture(results, tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_each_ladder_has_a_panel_with_the_scores_over_the_budget() -> None:
    figure = ladder_picture.draw_ladders([laddered(SCORES)] * 3)
    assert len(figure.axes) == 3
    handles, names = figure.axes[0].get_legend_handles_labels()
    assert names == ["word", "char"]
    assert list(handles[0].lines[0].get_ydata()) == [2.1, 1.8, 1.7]
    assert list(handles[0].lines[0].get_xdata()) == [15, 60, 240]


# --- intervals


@pytest.fixture(scope="module")
def seeds() -> SeedResults:
    """The runs with several seeds, and what was concluded from them."""
    return read_record(SeedResults, RESULTS / "seeds.json")


def test_the_shipped_priors_follow_from_the_recorded_runs(seeds: SeedResults) -> None:
    priors, pairs = conclusions(seeds.groups)
    assert pairs == seeds.pairs
    assert SHIPPED_PRIORS.keys() == priors.keys()
    for name, prior in SHIPPED_PRIORS.items():
        assert priors[name].sd == pytest.approx(seeds.priors[name].sd)
        assert prior.sd == pytest.approx(priors[name].sd, rel=0.05)
        assert prior.degrees_of_freedom == pytest.approx(priors[name].degrees_of_freedom, rel=0.05)
        assert prior.decay == pytest.approx(priors[name].decay, abs=0.01)
    assert sum(each.num_different for each in pairs) <= sum(each.num_pairs for each in pairs) / 20


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.6, 1.0])
def test_the_decay_of_variances_is_found_again(decay: float) -> None:
    generator = np.random.default_rng(0)
    more = np.repeat([1.0, 3.0, 10.0, 90.0], 400)
    variances = more ** (-2 * decay) * generator.chisquare(4, more.size) / 4
    assert fitted_decay(variances, more) == pytest.approx(decay, abs=0.03)
    assert fitted_decay(variances[:400], more[:400]) == 0


def test_recorded_intervals_cover_95_percent_of_the_scores_of_their_text() -> None:
    designs = json.loads((RESULTS / "coverage.json").read_text("utf-8"))["designs"]
    found = [each for each in designs if each["design"] == "spread at random"]
    assert len(found) == 6
    for lowest, mean in (each[key] for each in found for key in ("scores", "differences")):
        assert 0.93 <= lowest <= mean <= 0.99
