"""Loggers of other authors: they get the progress of a run, and their failures cost no training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import textgen
from helpers.commands import TINY, run_textgen

QUICK = ("--corpus", "lee", "--max-chars", "8000", "--budget", "2000chars", "--device", "cpu")
LINES = """
import json
class Lines:
    '''A file of JSON lines next to the run.'''
    def __init__(self, *, fails_after: int = 0, breaks: bool = False):
        self.fails_after, self.breaks = fails_after, breaks
    def open(self, folder):
        self.file = open(f"{folder}.jsonl", "w")
    def log(self, values, update):
        if self.fails_after and update > self.fails_after:
            raise ValueError("the disk of the log is full")
        self.file.write(json.dumps({"update": update, **values}) + "\\n")
    def close(self, succeeded):
        self.file.write(json.dumps({"succeeded": succeeded}) + "\\n")
        self.file.close()
        if self.breaks:
            raise SystemExit(3)
    def command(self, folder):
        return f"cat {folder}.jsonl"
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "lines.py"
    path.write_text(LINES)
    return path


def logged(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in run.with_suffix(".jsonl").read_text().splitlines()]


def test_a_logger_of_one_file_gets_every_update(plugin: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = run_textgen("train", TINY, *QUICK, "--log", "lines", "--plugin", plugin, "--out", run)
    assert f"view the log with: cat {run}.jsonl" in done.stderr
    *points, end = logged(run)
    result = textgen.load(run).result.train
    assert [point["update"] for point in points] == list(range(1, result.num_updates + 1))
    validated = {point["update"]: point["bits_per_char/validation"] for point in points if len(point) == 4}
    assert validated == {each.num_updates: each.validation_bits_per_char for each in result.curve}
    assert end == {"succeeded": True}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("fails_after=3,breaks=true", "failed: ValueError: the disk of the log is full (lines.py, line "),
        ("breaks=true", "failed: SystemExit: 3 (lines.py, line "),
    ],
)
def test_a_logger_that_fails_is_named_once_and_training_goes_on(
    plugin: Path, tmp_path: Path, options: str, problem: str
) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    done = run_textgen("train", TINY, *QUICK, "--log", f"lines:{options}", "--plugin", plugin, "--out", run)
    assert "logger 'lines' (plugin_file_lines_" in done.stderr
    assert problem in done.stderr
    assert done.stderr.count("training continues without this log") == 1
    assert logged(run)[-1] == {"succeeded": True}
    run_textgen("train", TINY, *QUICK, "--out", other)
    assert textgen.load(run).result.test == textgen.load(other).result.test


def test_a_log_of_training_that_fails_ends_as_failed(plugin: Path, tmp_path: Path) -> None:
    entry, run = f"{TINY},learning_rate=1e30", tmp_path / "run"
    done = run_textgen("train", entry, *QUICK, "--log", "lines", "--plugin", plugin, "--out", run, code=1)
    assert "lower learning_rate" in done.stderr
    assert logged(run)[-1] == {"succeeded": False}
