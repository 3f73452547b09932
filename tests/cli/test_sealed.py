"""A sealed text ranks the entries, and nothing reads it before all of them are trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import BUDGET, TINY, run_textgen

pytestmark = pytest.mark.usefixtures("no_references")

SPY = """
import pathlib
from textgen_models.counting import Uniform

class Spy(Uniform):
    def fit(self, ids):
        pathlib.Path("sealed.txt").write_text("What was written while it was trained. " * 100)
"""


def test_it_is_the_test_part_and_is_read_after_training(tmp_path: Path, news: str) -> None:
    (tmp_path / "open.txt").write_text(news[:20_000])
    (tmp_path / "sealed.txt").write_text(news[20_000:23_000])
    (tmp_path / "spy.py").write_text(SPY)
    text = ("--corpus", "open.txt", "--sealed", "sealed.txt", "--plugin", "spy.py", "--length", 30)
    done = run_textgen("bench", TINY, "char-spy", *text, *BUDGET, "--out", "out", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    split = result["corpus"]["split"]
    assert split["method"] == "95/5/0"
    assert sum(split["test"]["stretch_chars"]) == split["test"]["num_chars"]
    assert split["test"]["num_chars"] > 3_001  # what was written to the file during training
    assert split["train"]["num_chars"] + split["validation"]["num_chars"] == result["corpus"]["num_chars"]
    assert result["scored_on"] == "test"
    assert result["sources"]["sealed"] == "sealed.txt"
    report = (tmp_path / "out/report.md").read_text("utf-8")
    assert "sealed.txt, which was opened after all entries were trained" in report
    (tmp_path / "sealed.txt").write_text(news[20_000:23_001])
    packed = run_textgen(
        "pack", next((tmp_path / "out/runs").iterdir()), "--plugin", "spy.py", cwd=tmp_path, code=1
    )
    assert "has changed since it was trained; give the text itself" in packed.stderr
