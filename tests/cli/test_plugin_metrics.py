"""A metric of a plugin adds a number to rows, and changes no other, whatever its code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import run_textgen

pytestmark = pytest.mark.usefixtures("no_references")

METRICS = '''
from textgen.evaluation import metrics, text_metrics

class Quotes:
    """Quotation marks."""
    unit, best = "marks", "higher"
    def measure(self, text):
        metrics.METRICS.clear()  # of its own process
        text_metrics.words = str.split
        return text.count('"')

class Late:
    """Fails on texts that models write."""
    def measure(self, text):
        return 1 / (len(text) - 30)
'''
OPTIONS = ("--corpus", "lee", "--max-chars", "8000", "--budget", "2000chars", "--out", "out", "--json")


def test_a_metric_changes_no_other_number(tmp_path: Path) -> None:
    def bench(*more: str) -> dict[str, Any]:
        command = ("bench", "char-uniform", *OPTIONS, "--length", "30", *more)
        result: dict[str, Any] = json.loads(run_textgen(*command, cwd=tmp_path).stdout)
        return result

    (tmp_path / "marks.py").write_text(METRICS)
    before = bench()
    after = bench("--plugin", "marks.py", "--metric", "quotes", "--metric", "late")
    quotes, late = after["other_metrics"]
    assert (quotes["problem"], quotes["unit"], quotes["hint"]) == (None, "marks", "Quotation marks")
    assert "metric 'late'" in late["problem"]
    assert "ZeroDivisionError" in late["problem"]
    (row,), (plain,) = after["entries"], before["entries"]
    values = row["metric_pseudovalues"].pop("quotes")
    assert len(values) == 24
    assert sum(values) / 24 == pytest.approx(row["sample_metrics"].pop("quotes"))
    for name in ("sample_metrics", "metric_pseudovalues", "test", "samples", "made_up_words"):
        assert row[name] == plain[name]
    page, text = (tmp_path / "out" / name for name in ("report.html", "report.md"))
    assert "Quotation marks" in page.read_text("utf-8")
    assert "metric 'late'" in text.read_text("utf-8")
    done = run_textgen("bench", "char-uniform", *OPTIONS, "--metric", "quoets", cwd=tmp_path, code=1)
    assert "unknown metric 'quoets'" in done.stderr
