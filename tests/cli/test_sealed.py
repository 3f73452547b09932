"""A sealed text ranks the entries, and nothing reads it before all of them are trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import TINY, Textgen

SPY = """
import pathlib
from textgen_models.counting import Uniform

class Spy(Uniform):
    def fit(self, ids):
        pathlib.Path("sealed.txt").write_text("What was written while it was trained. " * 100)
"""


@pytest.fixture
def folder(tmp_path: Path, news: str) -> Path:
    (tmp_path / "open.txt").write_text(news[:20_000])
    (tmp_path / "sealed.txt").write_text(news[20_000:30_000])
    (tmp_path / "spy.py").write_text(SPY)
    return tmp_path


def test_it_is_the_test_part(textgen: Textgen, budget: list[str], folder: Path) -> None:
    arguments = ("bench", TINY, "char-ngram", "--corpus", "open.txt", "--sealed", "sealed.txt", *budget)
    done = textgen(*arguments, "--length", 30, "--out", "out", "--json", cwd=folder)
    result = json.loads(done.stdout)
    split = result["corpus"]["split"]
    assert split["method"] == "95/5/0"
    assert sum(split["test"]["stretch_chars"]) == split["test"]["num_chars"]
    assert 9_500 < split["test"]["num_chars"] <= 10_001  # with the newline that the cleaner adds
    assert split["train"]["num_chars"] + split["validation"]["num_chars"] == result["corpus"]["num_chars"]
    assert result["scored_on"] == "test"
    assert result["sources"]["sealed"] == "sealed.txt"
    assert all(row["score_checks"]["trained_apart"] for row in result["entries"])
    verified = textgen("verify", "out", "--runs", cwd=folder)
    assert "do not agree" not in verified.stdout
    report = (folder / "out/report.md").read_text("utf-8")
    assert "sealed.txt, which was opened after all entries were trained" in report


def test_it_is_read_after_training(textgen: Textgen, budget: list[str], folder: Path) -> None:
    text = ("--corpus", "open.txt", "--sealed", "sealed.txt", "--plugin", "spy.py", "--length", 30)
    done = textgen("bench", "char-uniform", "char-spy", *text, *budget, "--json", cwd=folder)
    assert 3000 < json.loads(done.stdout)["corpus"]["split"]["test"]["num_chars"] < 4000


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (("--sealed", "none.txt"), 1, "no such file: none.txt"),
        (("--sealed", "sealed.txt", "--split", "80/10/10"), 2, "give the other one none, as by 95/5/0"),
    ],
)
def test_what_cannot_be_sealed_is_refused_before_training(
    textgen: Textgen, folder: Path, options: tuple[str, ...], code: int, reason: str
) -> None:
    arguments = ("bench", "char-uniform", "--corpus", "open.txt", *options, "--budget", "2000chars")
    done = textgen(*arguments, cwd=folder, code=code)
    assert reason in done.stderr
    assert "[" not in done.stderr  # no step of training
