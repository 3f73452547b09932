"""The report of a suite: every question as a chart and a table."""

from __future__ import annotations

import json
import re

from helpers.suites import case, effect, question, suite_result
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen_suites.report import suite_answer

SIZES = question(
    "size",
    [case("small", 2.2), case("large", 2.0), case("huge <b>", 2.19)],
    [effect("large", -0.2), effect("huge <b>", -0.01)],
)


def test_the_answer_names_the_changes_that_are_clear() -> None:
    text = suite_answer(suite_result("news", SIZES))
    assert text.startswith("1 of 2 changes are clear at 5 %; the largest, in bits per character:")
    assert "large against small -0.200" in text
    assert "huge" not in text


def test_every_question_has_its_chart_and_its_table() -> None:
    page = to_html(document(suite_result("news", SIZES, failures={"wild (seed 0)": "it <i>diverged</i>"})))
    size = page.partition('<section id="question-size"')[2].partition("</section>")[0]
    assert size.count("<svg") == 1
    assert '-0.200</strong><span class="spread"> (-0.300 to -0.100)</span>' in size
    assert "real words at entropy 1.10" in size
    assert "**" not in size
    assert "huge &lt;b&gt;" in size
    assert "it &lt;i&gt;diverged&lt;/i&gt;" in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert json.loads(data)["suite"]["questions"][0]["name"] == "size"
