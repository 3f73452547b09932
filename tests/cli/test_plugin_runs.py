"""Runs that a plugin took part in: its failures cost no score, its changes no result, its metrics no row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import run_textgen
from helpers.plugins import TOY_MODEL

pytestmark = pytest.mark.usefixtures("no_references")

MODEL = TOY_MODEL.format("")
STEP = """
    def prepare_step(self, dtype):
        return lambda ids, state: self.table(ids)
"""
OPTIONS = ("--corpus", "lee", "--max-chars", "8000", "--budget", "2000chars", "--precision", "fp32")


def bench(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return the only row of a comparison."""
    done = run_textgen("bench", *arguments, *OPTIONS, "--length", 30, "--json", cwd=folder)
    (row,) = json.loads(done.stdout)["entries"]
    assert row["error"] is None
    assert row["test"]["bits_per_char"] > 0
    result: dict[str, Any] = row
    return result


def test_a_model_that_cannot_generate_keeps_its_score(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(MODEL + STEP)
    row = bench(tmp_path, "char-toy", "--plugin", "step.py", "--out", "out")
    reason, other = row["sample_errors"]
    assert re.match(r"no samples by temperature:entropy=1\.1\d: model 'toy' \(plugin_file_step_", reason)
    assert other.startswith("no samples by temperature:temperature=0.6: model 'toy'")
    assert "in a step of generation, which must return logits [16, " in reason
    assert row["samples"] == []
    assert row["sample_metrics"] is None
    assert "\n- no samples by temperature" in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_a_run_of_a_plugin_needs_the_version_of_its_file(tmp_path: Path) -> None:
    def fails(*command: str) -> str:
        return run_textgen(*command, code=1, cwd=tmp_path).stderr

    plugin = ("--plugin", "toy.py")
    (tmp_path / "toy.py").write_text(MODEL)
    bench(tmp_path, "char-toy", *plugin, "--out", "out")
    again = run_textgen("bench", "char-toy", *plugin, "--out", "out", *OPTIONS, "--length", 30, cwd=tmp_path)
    assert "reusing 1 of 1 runs" in again.stderr
    sample = ("sample", "out/runs/char-toy-seed0", "--length", "5")
    run_textgen(*sample, *plugin, cwd=tmp_path)
    said = fails(*sample)
    assert "run 'out/runs/char-toy-seed0' cannot be loaded: unknown model 'toy'" in said
    assert re.search(
        r"; add --plugin toy.py; it was made with textgen-bench .*, toy\.py [0-9a-f]{12}\n$", said
    )
    (tmp_path / "toy.py").write_text(MODEL.replace("self.table(ids)", "2 * self.table(ids)"))
    said = fails("bench", "char-toy", *plugin, "--out", "out", *OPTIONS)
    assert "differs in its plugin versions; choose another folder (--out)" in said
    (tmp_path / "toy.py").write_text(MODEL.replace("super().__init__()", "super().__init__(); {}['new']"))
    said = fails(*sample, *plugin)
    assert "cannot be loaded: model 'toy' (plugin_file_toy_" in said
    assert "failed: KeyError: 'new' (toy.py, line 7)" in said
    assert "delete" not in said


METRICS = '''
class Quotes:
    """Quotation marks."""
    unit, best = "marks", "higher"
    def measure(self, text):
        return text.count('"')

class Late:
    """Fails on texts that models write."""
    def measure(self, text):
        return 1 / (len(text) - 30)
'''


def test_a_metric_changes_no_other_number(tmp_path: Path) -> None:
    def compared(*more: str, code: int = 0) -> Any:
        command = ("bench", "char-uniform", *OPTIONS, "--length", "30", "--out", "out", "--json", *more)
        done = run_textgen(*command, cwd=tmp_path, code=code)
        return done.stderr if code else json.loads(done.stdout)

    (tmp_path / "marks.py").write_text(METRICS)
    before = compared()
    after = compared("--plugin", "marks.py", "--metric", "quotes", "--metric", "late")
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
    assert "unknown metric 'quoets'" in compared("--metric", "quoets", code=1)
