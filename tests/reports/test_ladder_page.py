"""The page of a ladder: charts with logarithmic axes, tables, links to the page of each budget, data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from helpers.ladders import BUDGETS, laddered
from textgen.page.charts import LineChart
from textgen.reports.html import to_html
from textgen.reports.ladder_report import budget_chart, characters_chart, ladder_report
from textgen.results.ladder import Ladder

SCORES = {"char": (2.0, 1.9, 1.85), "word <b>": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)}


def polylines(chart: str) -> list[list[tuple[float, float]]]:
    drawn = re.findall(r'<polyline points="([^"]+)"', chart)
    return [[(float(x), float(y)) for x, y in (each.split(",") for each in line.split())] for line in drawn]


@pytest.mark.parametrize("chart", [budget_chart, characters_chart])
def test_equal_factors_are_equal_distances(chart: Callable[[Ladder], LineChart]) -> None:
    drawn = chart(laddered(SCORES)).svg()
    assert len(polylines(drawn)) == 2  # not of random, which is not trained and far away
    for (first, _), (second, _), (third, _) in polylines(drawn):
        assert second - first == pytest.approx(third - second, abs=0.02)
    assert drawn.count('class="whisker"') == 6
    assert "1.700 with 4m, 16 M characters read" in drawn


def test_the_page_has_charts_tables_and_links() -> None:
    page = to_html(ladder_report(laddered(SCORES)))
    assert page.count("<svg") == 3  # by budget, by characters, steps
    assert "word &lt;b&gt;" in page
    assert "word <b>" not in page.partition('<script type="application/json"')[0]
    assert [f'href="{budget}/report.html"' in page for budget in BUDGETS] == [True] * 3
    for title in ("Scores by budget", "What more training changes", "How much was trained"):
        assert f">{title}</a></h2>" in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert json.loads(data)["ladder"]["budgets"] == list(BUDGETS)
