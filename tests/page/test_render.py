"""Pages: what they contain cannot act, and charts put values where they belong."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from textgen.page.charts import ChartLine, ChartValue, IntervalChart, LineChart
from textgen.page.render import data_address, notebook_table, script_json
from textgen.reports.document import (
    Block,
    Cell,
    Chart,
    Code,
    CsvFile,
    Report,
    SampleGroup,
    Samples,
    Section,
    lines,
    text_table,
)
from textgen.reports.html import to_html

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028&amp;'\"\ud800"


class Tags(HTMLParser):
    """Collects the elements of a page and the contents of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


def hostile_page() -> Tags:
    line = ChartLine(HOSTILE, [(0, 1), (1, 2)], [HOSTILE, HOSTILE])
    blocks: list[Block] = [
        lines([HOSTILE]),
        lines([HOSTILE], is_list=True),
        Code(HOSTILE),
        text_table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, Cell(HOSTILE, HOSTILE)]], caption=HOSTILE),
        Chart(IntervalChart(HOSTILE, HOSTILE, [ChartValue(HOSTILE, 1.0, (0.5, 1.5))])),
        Chart(LineChart(HOSTILE, HOSTILE, HOSTILE, [line])),
        Samples([SampleGroup(HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)])]),
    ]
    report = Report(
        kind="text",
        result=HOSTILE,
        title=HOSTILE,
        answer=HOSTILE,
        context=HOSTILE,
        definition=HOSTILE,
        command=HOSTILE,
        made=[HOSTILE],
        files=[CsvFile("a.csv", [HOSTILE], [[HOSTILE]])],
        sections=[Section("one", HOSTILE, blocks)],
        scripts=["samples.js"],
    )
    tags = Tags()
    tags.feed(to_html(report).encode("utf-8", "replace").decode())
    return tags


def test_hostile_text_adds_no_element_and_no_script() -> None:
    page = hostile_page()
    assert "img" not in {tag for tag, _ in page.tags}
    assert len(page.scripts) == 3  # the data, two scripts
    assert not any("alert(" in script for script in page.scripts[1:])
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_the_data_can_be_read_back() -> None:
    data = json.loads(hostile_page().scripts[0])
    assert data["text"] == HOSTILE.replace("\ud800", "\ufffd")
    assert "</" not in script_json({"text": HOSTILE})


def test_the_policy_allows_the_scripts_of_the_page_and_no_request() -> None:
    page = hostile_page()
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    hashes = {
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts[1:]
    }
    assert allowed == hashes
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_a_download_address_holds_the_text() -> None:
    address = data_address("a,b\nä,1\n", "text/csv")
    assert base64.b64decode(address.partition("base64,")[2]).decode() == "a,b\nä,1\n"


def places(svg: str, element: str, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf'<{element} [^>]*\b{name}="([-\d.]+)"', svg)]


def test_values_are_drawn_in_order_within_their_intervals() -> None:
    rows = [ChartValue("a", 1.0, (0.9, 1.1), is_best=True), ChartValue("b", 2.0, (1.5, 2.5))]
    svg = IntervalChart("scores", "bits", rows).svg()
    first, second = places(svg, "circle", "cx")
    assert first < second
    whiskers = re.findall(r'class="whisker" x1="([\d.]+)" x2="([\d.]+)"', svg)
    assert [
        float(low) < place < float(high) for (low, high), place in zip(whiskers, (first, second), strict=True)
    ]


def test_a_line_goes_down_where_its_values_fall() -> None:
    svg = LineChart("curve", "x", "y", [ChartLine("a", [(0, 3), (1, 2), (2, 1)])]).svg()
    (points,) = re.findall(r'<polyline points="([^"]+)"', svg)
    pairs = [tuple(map(float, pair.split(","))) for pair in points.split()]
    assert pairs == sorted(pairs)  # to the right and, on a screen, downwards
    assert [y for _, y in pairs] == sorted(y for _, y in pairs)


@pytest.mark.parametrize("values", [[1.0], [], [0.0, 0.0]])
def test_charts_of_few_values_are_drawn(values: list[float]) -> None:
    line = ChartLine("a", [(value, value) for value in values])
    assert "<svg" in LineChart("t", "x", "y", [line]).svg()


FAR = ChartValue("chance", 6.9)


@pytest.mark.parametrize(
    ("rows", "zero", "num_arrows"),
    [
        ([ChartValue("a", 1.7), ChartValue("b", 1.9, (1.8, 2.0)), ChartValue("c", 2.1), FAR], False, 1),
        ([ChartValue("a", -0.27, (-0.3, -0.24)), ChartValue("b", -0.07, (-0.1, -0.04))], True, 0),
        ([ChartValue("b", 0.285, (0.24, 0.33)), ChartValue("chance", 4.4, (4.3, 4.5))], True, 1),
        ([ChartValue("b", 0.001, (-0.03, 0.03)), ChartValue("c", 0.05, (0.02, 0.08))], True, 0),
    ],
)
def test_what_is_far_from_the_entries_is_an_arrow_at_the_edge(
    rows: list[ChartValue], zero: bool, num_arrows: int
) -> None:
    svg = IntervalChart("scores", "bits", rows, zero=zero).svg()
    assert svg.count("<path") == num_arrows
    drawn = pairwise(places(svg, "circle", "cx"))
    assert all(second - first > 100 for first, second in drawn)  # so that the entries are told apart


def test_a_table_of_a_notebook_has_no_tag_of_others() -> None:
    table = notebook_table(["name", "value"], [[HOSTILE, "1"]])
    assert table.count("<td") == 2
    assert "<script" not in table
    assert "<img" not in table
    assert "<thead" not in notebook_table((), [["a", "b"]])
