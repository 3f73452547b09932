"""Yardsticks in reports: marked in every view as what they are, and left out of what is said of entries."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.reports import compared, drawn, entry, markdown_rows, reference, result
from textgen.experiment.entry_parser import split_yardsticks
from textgen.reports.answer import answer, doubts
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html

NAME = "hf:models/gpt2-small"
LABEL = f"{NAME} (pretrained, may have seen this text)"


@pytest.fixture
def what() -> dict[str, Any]:
    """A pretrained model that is far ahead of an entry and of a compressor."""
    yardstick = reference(NAME, 0.9, is_pretrained=True, num_parameters=124_439_808)
    return result(entry("char-lstm", 2.0), references=[reference("PPMd given train", 2.2), yardstick])


def test_every_view_marks_it(what: dict[str, Any]) -> None:
    for title, column, value in (
        ("Scores\n", "bits/char", "0.900"), ("Scores in other units", "parameters", "124 M")
    ):  # fmt: skip
        first, *rows = markdown_rows(what, title)
        (row,) = [dict(zip(first, each, strict=True)) for each in rows if each[0] == LABEL]
        assert row[column] == value
    assert LABEL in drawn(what, 100)
    comparison = compared(entry("char-lstm", 2.0), references=what["references"])
    page = to_html(bench_report(comparison))
    head = f'<tr class="reference"><th scope="row">{LABEL.replace(":", ":<wbr>")}</th>'
    scores, other_units = page.split(head)[1:]
    assert ">0.900<" in scores.partition("</tr>")[0]
    assert ">124 M<" in other_units.partition("</tr>")[0]


def test_what_is_said_of_entries_does_not_rest_on_it(what: dict[str, Any]) -> None:
    comparison = compared(entry("char-lstm", 2.0), references=what["references"])
    assert NAME not in answer(comparison)
    assert list(doubts(comparison)) == []
    suspicious = compared(entry("char-lstm", 1.0), references=what["references"])
    assert "the best reference (PPMd given train)" in " ".join(doubts(suspicious))


def test_yardsticks_are_told_from_entries() -> None:
    texts = ["char-lstm", NAME, "hf-lstm:path=models/gpt2", "char-lstm", "hf", f" {NAME}"]
    assert split_yardsticks(texts) == (["char-lstm", "hf-lstm:path=models/gpt2", "hf"], [NAME])
