"""The page of a suite: every question as charts and a table."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from helpers.suites import MACHINE, case, effect, question, suite_result, writing
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen_suites.report import suite_answer

SIZES = question(
    "size",
    [case("small", 2.2), case("large", 2.0), case("huge <b>", 2.19)],
    [effect("large", -0.2), effect("huge <b>", -0.01)],
)
WARMTH = question(
    "warmth",
    [
        case("cold and hot", 2.0, {"t=0.5": writing(0.5, 1.0, 0.9, 0.4), "t=1": writing(1.0, 2.0, 0.7, 0.8)}),
        case("hot", 2.1, {"t=1": writing(1.0, 2.0, 0.6, 0.9)}),
    ],
    [],
)


def test_the_answer_names_the_changes_that_are_clear() -> None:
    text = suite_answer(suite_result("news", SIZES))
    assert text.startswith("1 of 2 changes are clear at 5 %; the largest, in bits per character:")
    assert "large against small -0.200" in text
    assert "huge" not in text


def test_machines_are_named_where_they_differ() -> None:
    same = suite_result("news", SIZES)
    assert "kinds of machines" not in to_markdown(document(same))
    *others, last = SIZES.cases
    runs = (replace(last.runs[0], machine=replace(MACHINE, gpu="H100")), *last.runs[1:])
    mixed = suite_result("news", replace(SIZES, cases=(*others, replace(last, runs=runs))))
    said = (
        "several kinds of machines: Xeon, 2 cores, H100, 2 threads (1 run); Xeon, 2 cores, 2 threads (2 runs)"
    )
    assert said in to_markdown(document(mixed))
    assert said in to_html(document(mixed))


def test_every_question_has_its_charts_and_its_table() -> None:
    page = to_html(
        document(suite_result("news", SIZES, WARMTH, failures={"wild (seed 0)": "it <i>diverged</i>"}))
    )
    size = page.partition('<section id="question-size"')[2].partition("</section>")[0]
    assert size.count("<svg") == 2 * 2  # scores and changes, for a screen and for a phone
    assert '-0.200</strong><span class="spread"> (-0.300 to -0.100)</span>' in size
    assert "**" not in size
    assert "huge &lt;b&gt;" in size
    warmth = page.partition('<section id="question-warmth"')[2].partition("</section>")[0]
    assert warmth.count("<svg") == 2  # scores; the curve needs the author's bigrams, which are unknown here
    assert "it &lt;i&gt;diverged&lt;/i&gt;" in page


def test_the_result_is_in_the_page() -> None:
    page = to_html(document(suite_result("news", SIZES)))
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert json.loads(data)["suite"]["questions"][0]["name"] == "size"
