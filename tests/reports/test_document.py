"""One document has every rendering: what is shown where, and what empty blocks leave out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from textgen.page.charts import ChartLine, LineChart
from textgen.reports.document import (
    BRIEF,
    FULL,
    PAGE,
    Cell,
    Chart,
    Code,
    CsvFile,
    Folded,
    Report,
    SampleGroup,
    Samples,
    Section,
    lines,
    text_table,
)
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.reports.notebook import to_notebook
from textgen.reports.terminal import render

LONG = "char-lstm:" + ",".join(f"option_{number}={number}" for number in range(9))
TABLE = text_table(
    "Weights", ["animal", "kg", "of"], [["cat", Cell("4.1", " ± 0.2", True), LONG]], lefts=(2,)
)
REPORT = Report(
    kind="animals",
    result={"cat": 4.1},
    title="Animals weighed",
    answer="The cat is heaviest.",
    cautions=["One scale only."],
    context="2 animals",
    command="weigh cat dog",
    made=["scale: kitchen"],
    sections=[
        Section("brief", "", [lines(["in short"])], BRIEF),
        Section("weights", "Weights", [TABLE, lines(["* a note"], is_list=True, views=FULL)]),
        Section(
            "growth",
            "Growth",
            [Chart(LineChart("Growth", "days", "kg", [ChartLine("cat", [(0, 1), (1, 2)])]))],
        ),
        Section("more", "More", [Folded("By name", [Code(LONG), Code("")])], PAGE),
        Section("sounds", "Sounds", [Samples([SampleGroup("They say", "greedy", [("cat", "meow")])])]),
        Section("none", "Nothing", [lines([]), text_table("", ["a"], []), Folded("", [])]),
    ],
    files=[CsvFile("weights.csv", ["animal", "kg"], [["cat", 4.1]])],
)


def drawn(width: int, *, full: bool = True) -> str:
    file = io.StringIO()
    render(REPORT, Console(file=file, width=width), full=full)
    return file.getvalue()


def test_another_kind_of_result_has_all_renderings() -> None:
    page = to_html(REPORT)
    for text in (to_markdown(REPORT), to_notebook(REPORT), page, drawn(200), drawn(200, full=False)):
        assert "The cat is heaviest." in text
        assert "4.1" in text
        assert "meow" in text
        assert "Nothing" not in text
    assert REPORT.files[0].text() == "animal,kg\ncat,4.1\n"
    for text in (
        "weigh cat dog",
        "scale: kitchen",
        "weights.csv",
        '{"animals":{"cat":4.1}}',
        "<svg",
        "<summary>By name",
    ):
        assert text in page


@pytest.mark.parametrize("width", [40, 80])
def test_a_table_that_keeps_its_columns_is_folded(width: int) -> None:
    output = drawn(width)
    assert max(map(len, output.splitlines())) <= width
    assert "Left out" not in output
    row = output[output.index("\ncat ") :].split("* a note")[0]
    assert "".join(line.split()[-1] for line in row.splitlines() if line.strip()) == LONG
    assert "± 0.2" in output
